# shellcheck shell=bash
# What slurm-farm writes into slurm.conf, slurmdbd.conf and my.cnf. Sourced by slurm-farm.

CTLD_PORT=16817 SLURMD_PORT=16818 DBD_PORT=16819 DB_PORT=16806   # not Slurm's own: a real one may be here too

# The memory limit: by the kernel's cgroups (version 1) where this machine lets us make one, as sites do;
# otherwise slurmstepd sums the resident memory of a job's processes every second and kills the job.
cgroups_work() {
    local controller
    for controller in memory freezer; do
        mkdir -p "/sys/fs/cgroup/$controller/slurm_$NODE" 2>/dev/null || return 1
        [ -w "/sys/fs/cgroup/$controller/slurm_$NODE/cgroup.procs" ] || return 1
    done
    [ -w "/sys/fs/cgroup/memory/slurm_$NODE/memory.limit_in_bytes" ]
}

default_settings() {
    cat <<TEXT
ClusterName=nbfarm
SlurmctldHost=$NODE(127.0.0.1)
SlurmctldPort=$CTLD_PORT
SlurmdPort=$SLURMD_PORT
SlurmUser=root
AuthType=auth/munge
# cred_expire: a requeued job waits that long (reason BeginTime) before it may start again; Slurm's default is 120 s.
AuthInfo=socket=$RUN/munge.socket,cred_expire=5
StateSaveLocation=$FARM/state
SlurmdSpoolDir=$FARM/spool
SlurmctldPidFile=$RUN/slurmctld.pid
SlurmdPidFile=$RUN/slurmd.pid
SlurmctldLogFile=$LOG/slurmctld.log
SlurmdLogFile=$LOG/slurmd.log
MpiDefault=none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU_Memory
DefMemPerCPU=1000
# config_overrides: believe the CPUs and memory of the NodeName line, whatever the machine has.
SlurmdParameters=config_overrides
# 1: a node that did not answer comes back by itself; one set DOWN stays so until resume-node.
ReturnToService=1
JobAcctGatherType=jobacct_gather/linux
JobAcctGatherFrequency=1
JobRequeue=1
# Slurm's own: the time between TERM and KILL in which a worker saves what it has.
KillWait=30
MailProg=$ETC/mail
OverTimeLimit=0
# Finished jobs leave squeue after that many seconds (Slurm's default is 300).
MinJobAge=15
# More than a killed slurmd needs to start again on a busy machine; until then its jobs are not given up.
SlurmdTimeout=120
SchedulerType=sched/backfill
SchedulerParameters=batch_sched_delay=0,sched_interval=1,bf_interval=1,default_queue_depth=1000
PriorityType=priority/basic
PreemptType=preempt/partition_prio
PreemptMode=REQUEUE
GresTypes=gpu
Licenses=matlab:2
TEXT
    if cgroups_work; then printf '%s\n' ProctrackType=proctrack/cgroup TaskPlugin=task/cgroup
    else printf '%s\n' ProctrackType=proctrack/linuxproc TaskPlugin=task/none JobAcctGatherParams=OverMemoryKill
    fi
    if [ "$ACCOUNTING" = yes ]; then
        cat <<TEXT
AccountingStorageType=accounting_storage/slurmdbd
AccountingStorageHost=127.0.0.1
AccountingStoragePort=$DBD_PORT
# slurmdbd is asked through this munge socket, not through the one of AuthInfo.
AccountingStoragePass=$RUN/munge.socket
AccountingStorageEnforce=limits,qos
TEXT
    else
        echo "AccountingStorageType=accounting_storage/none"
    fi
    # A job in "urgent" requeues jobs of "main" and cancels jobs of "scavenge".
    cat <<TEXT
NodeName=$NODE NodeAddr=127.0.0.1 CPUs=8 RealMemory=20000 TmpDisk=10000 Gres=gpu:2 Feature=fast,avx2 State=UNKNOWN
PartitionName=main Nodes=$NODE Default=YES MaxTime=2-00:00:00 DefaultTime=10:00 PriorityTier=2 PreemptMode=REQUEUE
PartitionName=scavenge Nodes=$NODE MaxTime=INFINITE DefaultTime=10:00 PriorityTier=1 PreemptMode=CANCEL GraceTime=5
PartitionName=urgent Nodes=$NODE MaxTime=10:00 PriorityTier=9 PreemptMode=OFF
TEXT
}

# Prints slurm.conf. Arguments: KEY=VALUE, each in place of the default line of that key. A PartitionName line
# replaces the partition of the same name and is otherwise added. KEY= takes the default line out.
render_slurm_conf() {
    local setting key line rest lines
    mapfile -t lines < <(default_settings)
    for setting in "$@"; do
        key=${setting%%=*}
        if [ "${key,,}" = partitionname ]; then key=${setting%% *} rest=' '; else rest='='; fi
        local found=no i
        for i in "${!lines[@]}"; do
            line=${lines[i]}
            if [[ "${line,,}$rest" == "${key,,}$rest"* ]]; then lines[i]=$setting found=yes; fi
        done
        if [ $found = no ]; then lines+=("$setting"); fi
    done
    echo "# Written by slurm-farm; rewritten by every 'up' with other settings."
    echo "Include $ETC/first-job-id.conf"
    printf '%s\n' "${lines[@]}" | sed '/^[A-Za-z]*=$/d'
}

write_configuration() {   # $1: the text of slurm.conf
    printf '%s\n' "$1" >"$SLURM_CONF"
    [ -f "$ETC/first-job-id.conf" ] || echo "FirstJobId=1" >"$ETC/first-job-id.conf"
    # A "gpu" has to be a device file; nothing opens it.
    printf 'NodeName=%s Name=gpu File=%s\n' "$NODE" /dev/null "$NODE" /dev/zero >"$ETC/gres.conf"
    printf '%s\n' CgroupPlugin=cgroup/v1 CgroupMountpoint=/sys/fs/cgroup ConstrainRAMSpace=yes MinRAMSpace=1 \
        >"$ETC/cgroup.conf"
    chmod 644 "$ETC"/{slurm,first-job-id,gres,cgroup}.conf
    # "Mail": one line for each, its subject and its address.
    printf '#!/bin/sh\necho "$*" >>%q\n' "$LOG/mail" >"$ETC/mail" && chmod 755 "$ETC/mail"
    mkdir -p "$FARM/state" "$FARM/spool"
    [ "$ACCOUNTING" = yes ] || return 0
    if [ ! -s "$ETC/db-password" ]; then
        (umask 077 && head -c 24 /dev/urandom | base64 | tr -d '+/=' >"$ETC/db-password")
    fi
    (umask 077 && cat >"$ETC/slurmdbd.conf" <<TEXT
AuthType=auth/munge
AuthInfo=socket=$RUN/munge.socket
DbdHost=$NODE
DbdAddr=127.0.0.1
DbdPort=$DBD_PORT
SlurmUser=root
PidFile=$RUN/slurmdbd.pid
LogFile=$LOG/slurmdbd.log
StorageType=accounting_storage/mysql
StorageHost=127.0.0.1
StoragePort=$DB_PORT
StorageUser=slurm
StoragePass=$(<"$ETC/db-password")
StorageLoc=slurm_acct
TEXT
    )
    # A test database: durability is given up for speed.
    cat >"$ETC/my.cnf" <<TEXT
[mariadbd]
user=mysql
datadir=$DB/data
socket=$DB/data/mysqld.sock
pid-file=$DB/data/mysqld.pid
log-error=$DB/data/error.log
bind-address=127.0.0.1
port=$DB_PORT
skip-name-resolve
innodb_buffer_pool_size=64M
innodb_log_file_size=32M
innodb_lock_wait_timeout=900
innodb_flush_log_at_trx_commit=0
innodb_doublewrite=0
TEXT
    chmod 644 "$ETC/my.cnf"
}
