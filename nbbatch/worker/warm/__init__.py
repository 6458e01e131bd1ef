"""Kernels that are forked from a process which has imported their stack already.

``choice`` says which kernels can be, ``template`` is our end of the forking process,
``provisioner`` what jupyter_client sees of it, ``source`` where a bundle gets its kernels.
The process itself is ``warm_side``, beside this folder.
"""
