"""Files that go into the kernel's process. Nothing here may import the rest of nbbatch."""
