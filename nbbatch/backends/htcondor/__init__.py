"""Jobs on an HTCondor pool, by its bindings (``htcondor2``): one cluster for a sweep."""
