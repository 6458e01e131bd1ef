# shellcheck shell=bash
# Starting and stopping one daemon at a time, by hand: no init system is needed. Sourced by slurm-farm.

pid_file() {
    if [ "$1" = mariadbd ]; then echo "$DB/data/mysqld.pid"; else echo "$RUN/$1.pid"; fi
}

log_file() {
    if [ "$1" = mariadbd ]; then echo "$DB/data/error.log"; else echo "$LOG/$1.log"; fi
}

pid_of() { cat "$(pid_file "$1")" 2>/dev/null; }

# A stale pid file may name somebody else's process: the program's name must fit as well.
is_running() {
    local pid
    pid=$(pid_of "$1") && [ -n "$pid" ] && [ "$(cat "/proc/$pid/comm" 2>/dev/null)" = "$1" ] &&
        ! grep -q '^State:[[:space:]]*Z' "/proc/$pid/status" 2>/dev/null
}

fail_with_log() {   # MESSAGE LOG...
    local message=$1 file
    shift
    for file in "$@"; do
        [ -s "$file" ] && { echo "--- $file"; tail -n 15 "$file"; } >&2
    done
    die "$message"
}

answers() {   # is the daemon ready for its clients?
    case $1 in
        munged) munge -S "$RUN/munge.socket" -n >/dev/null 2>&1 ;;
        mariadbd) mariadb-admin --socket="$DB/data/mysqld.sock" -u root ping >/dev/null 2>&1 ;;
        slurmdbd) (exec 3<>"/dev/tcp/127.0.0.1/$DBD_PORT") 2>/dev/null ;;
        slurmctld) scontrol ping 2>/dev/null | grep -q ' UP' ;;
        slurmd) is_running slurmd ;;
    esac
}

# fd 9 is slurm-farm's lock: a daemon must not inherit it.
start() {
    local daemon=$1 log try
    log=$(log_file "$daemon")
    is_running "$daemon" && return
    rm -f "$(pid_file "$daemon")"
    "start_$daemon" 9>&- >"$LOG/$daemon.start" 2>&1 || fail_with_log "$daemon did not start" "$LOG/$daemon.start" "$log"
    for try in {1..600}; do
        answers "$daemon" && return
        if [ "$try" -gt 25 ] && ! is_running "$daemon"; then break; fi
        sleep 0.1
    done
    fail_with_log "$daemon did not come up" "$LOG/$daemon.start" "$log"
}

start_munged() {
    # munged refuses a key, socket or log in a folder that others may write to; it runs as its own user.
    install -d -o munge -g munge -m 700 "$FARM/munge"
    [ -s "$FARM/munge/key" ] || head -c 128 /dev/urandom >"$FARM/munge/key"
    chown munge: "$FARM/munge/key" && chmod 600 "$FARM/munge/key"
    install -o munge -g munge -m 640 /dev/null "$LOG/munged.log"
    chown munge: "$RUN" && chmod 755 "$RUN"
    setpriv --reuid munge --regid munge --clear-groups munged --force \
        --key-file "$FARM/munge/key" --seed-file "$FARM/munge/seed" \
        --log-file "$LOG/munged.log" --pid-file "$RUN/munged.pid" --socket "$RUN/munge.socket"
}

start_mariadbd() {
    local fresh=no
    if [ ! -d "$DB/data/mysql" ]; then
        fresh=yes
        rm -rf "$DB" && mkdir -p "$DB" && install -d -o mysql -g mysql -m 750 "$DB/data"
        mariadb-install-db --defaults-file="$ETC/my.cnf" --user=mysql --skip-test-db --skip-name-resolve \
            --auth-root-authentication-method=socket
    fi
    setsid mariadbd --defaults-file="$ETC/my.cnf" </dev/null >>"$LOG/mariadbd.start" 2>&1 &
    disown
    [ $fresh = yes ] || return 0
    local try
    for try in {1..600}; do answers mariadbd && break; sleep 0.1; done
    [ "$try" -lt 600 ] || return 1
    mariadb --socket="$DB/data/mysqld.sock" -u root <<TEXT
create database if not exists slurm_acct;
grant all on slurm_acct.* to 'slurm'@'127.0.0.1' identified by '$(<"$ETC/db-password")';
TEXT
}

# slurmdbd reads slurmdbd.conf from the folder of SLURM_CONF.
start_slurmdbd() { slurmdbd; }

start_slurmctld() {
    mkdir -p "$FARM/state"
    slurmctld -f "$SLURM_CONF"
}

start_slurmd() {
    mkdir -p "$FARM/spool"
    slurmd -f "$SLURM_CONF" -N "$NODE"
}

stop() {
    local daemon=$1 pid try
    is_running "$daemon" || return 0
    pid=$(pid_of "$daemon")
    kill "$pid"
    for try in {1..600}; do
        is_running "$daemon" || return 0
        sleep 0.1
    done
    say "$daemon did not stop within a minute (try $try): killing it"
    kill_hard "$daemon"
}

kill_hard() {
    local pid
    is_running "$1" || die "$1 does not run"
    pid=$(pid_of "$1")
    kill -9 "$pid"
    while is_running "$1"; do sleep 0.1; done
}

# What slurmd left: slurmstepd and the jobs' own processes, known by their environment, and their cgroups.
stop_steps() {
    local proc cgroup
    for proc in /proc/[0-9]*; do
        grep -qsz "^SLURM_CONF=$SLURM_CONF$" "$proc/environ" || continue
        if [ "$(cat "$proc/comm" 2>/dev/null)" = slurmstepd ] || grep -qsz '^SLURM_JOB_ID=' "$proc/environ"; then
            kill -9 "${proc#/proc/}" 2>/dev/null || true
        fi
    done
    for cgroup in /sys/fs/cgroup/{memory,freezer}/"slurm_$NODE"; do
        [ ! -d "$cgroup" ] || find "$cgroup" -depth -type d -exec rmdir {} + 2>/dev/null || true
    done
}
