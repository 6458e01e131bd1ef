# shellcheck shell=bash
# Sourced by htcondor-farm: a side is one condor_master and its daemons in one mount namespace.
#            submit side (collector, negotiator, schedd, shadows)   execute side (startd, starters, jobs)
#   shared   sees the checkout, /home and /tmp                       sees them too, and the host's Python
#   transfer sees them                                               sees none of them
#   spool    sees none of them: like a schedd on another machine     sees none of them

sees_host() { # SIDE
  case $FILES-$1 in shared-* | transfer-submit | *-bare) return 0 ;; *) return 1 ;; esac
}

start_side() {
  local side=$1
  # Descriptor 9 is the lock of this command: a daemon must not keep it.
  setsid "$HERE/htcondor-farm" --files "$FILES" __side "$side" </dev/null >"$POOL/$side/master.out" 2>&1 9>&- &
  echo $! >"$POOL/$side/master.pid"
  disown
}

run_side() { # in a process of its own: becomes the side's condor_master
  local side=$1
  pick_root
  if [ "${2:-}" != unshared ]; then
    exec unshare --mount --propagation private "$HERE/htcondor-farm" --files "$FILES" __side "$side" unshared "${@:2}"
  fi
  readlink /proc/self/ns/mnt >"$POOL/$side/namespace"
  mount_side "$side"
  exec env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin LANG=C.UTF-8 CONDOR_CONFIG="$POOL/$side/condor_config" \
    chroot "$ROOT" condor_master -f
}

mount_side() { # SIDE: what its daemons and jobs see; the host never sees these mounts
  local side=$1 path
  if [ "$ROOT" != / ]; then
    mount --bind "$ROOT" "$ROOT"
    mount -t proc proc "$ROOT/proc"
    mount --rbind /dev "$ROOT/dev"
    [ ! -e "$POOL/cgroups" ] || [ "$side" != execute ] || bind_cgroups
    printf '127.0.0.1 localhost %s\n' "$(hostname)" >"$ROOT/etc/hosts"
  fi
  if sees_host "$side"; then
    if [ "$ROOT" != / ]; then
      for path in /home /tmp "$CHECKOUT" $(cat "$POOL/shares/list" 2>/dev/null); do bind "$path"; done
      bind_host_python
    fi
  else
    mount -t tmpfs -o mode=1777 tmpfs "$ROOT/tmp"
    mount -t tmpfs -o mode=755 tmpfs "$ROOT/home"
    install -d -o "$FARM_USER" -g "$FARM_USER" -m 700 "$ROOT/home/$FARM_USER"
    [ "$ROOT" != / ] || mount -t tmpfs -o mode=755 tmpfs "$CHECKOUT"
  fi
  [ "$side" = bare ] || bind "$POOL/$side" # side_pids knows the namespace by it
  [ "$side" = bare ] || bind "$POOL/channel" # where a test's jobs say that they ran, whatever else they see
}

bind() { # PATH: the same path in the tree
  if [ -d "$1" ]; then mkdir -p "$ROOT$1"; else mkdir -p "$(dirname "$ROOT$1")"; [ -e "$ROOT$1" ] || touch "$ROOT$1"; fi
  mount --rbind "$1" "${ROOT%/}$1"
}

bind_cgroups() { # what the starter needs to limit a job's memory by cgroup
  mount --bind /sys "$ROOT/sys"
  if [ ! -d /sys/fs/cgroup/memory ]; then mount --rbind /sys/fs/cgroup "$ROOT/sys/fs/cgroup"; return; fi # version 2
  # HTCondor 23.9 looks for a joint "cpu,cpuacct" hierarchy, which not every machine mounts.
  local name
  mount -t tmpfs -o mode=755 tmpfs "$ROOT/sys/fs/cgroup"
  for name in memory freezer devices cpu,cpuacct; do
    mkdir "$ROOT/sys/fs/cgroup/$name"
    mount --bind "/sys/fs/cgroup/$([ -d "/sys/fs/cgroup/$name" ] && echo "$name" || echo "${name##*,}")" "$ROOT/sys/fs/cgroup/$name"
  done
}

bind_host_python() { # so that the checkout's venv runs in the tree
  local path base
  for path in $(host_python); do bind "$path"; done
  # The venv's python is a link to the distribution's python3, which is another version in the tree.
  base=$(readlink -f "$FARM_PYTHON")
  case $base in /usr/bin/*) mount --bind "$base" "$(realpath "$ROOT/usr/bin/python3")" ;; esac
}

host_python() { # paths that $FARM_PYTHON needs, so that the same venv runs in the tree
  # Debian's own interpreter shares /usr with the tree's other version: bind the program and its standard
  # library only. Its C libraries are the tree's newer ones, which keep the older ones' names.
  [ -x "$FARM_PYTHON" ] || { note "no $FARM_PYTHON: shared jobs have only the tree's Python" >&2; return 0; }
  "$FARM_PYTHON" -c '
import os, sys, sysconfig
base = os.path.realpath(sys._base_executable)
usr = sys.base_prefix == "/usr"
print(sys.prefix)
print("\n".join([base, sysconfig.get_path("stdlib")] if usr else [sys.base_prefix]))'
}

side_pids() { # every process in the side's mount namespace: daemons, jobs and whatever they left behind
  local namespace link
  namespace=$(cat "$POOL/$1/namespace" 2>/dev/null) || return 0
  [ -n "$namespace" ] && [ "$namespace" != "$(readlink /proc/self/ns/mnt)" ] || return 0
  for link in /proc/[0-9]*/ns/mnt; do
    [ "$(readlink "$link" 2>/dev/null)" = "$namespace" ] || continue
    # The kernel uses numbers again: believe only a namespace that has our mount.
    grep -qs "$POOL/$1 " "${link%/ns/mnt}/mountinfo" || continue
    link=${link#/proc/}
    echo "${link%%/*}"
  done
}

daemon_pids() { # SIDE DAEMON [SLOT]
  local pid
  for pid in $(side_pids "$1"); do
    [ "$(cat "/proc/$pid/comm" 2>/dev/null)" = "condor_$2" ] || continue
    [ -z "${3:-}" ] || tr '\0' '\n' <"/proc/$pid/cmdline" | grep -qx "$3" || continue
    echo "$pid"
  done
}

side_is_alive() { # also before run_side has become a condor_master
  [ -d "/proc/$(cat "$POOL/$1/master.pid")" ]
}

side_is_up() {
  local pid
  pid=$(cat "$POOL/$1/master.pid" 2>/dev/null) && [ "$(cat "/proc/$pid/comm" 2>/dev/null)" = condor_master ] &&
    [ "$(readlink "/proc/$pid/ns/mnt")" = "$(cat "$POOL/$1/namespace")" ]
}

in_side() { # SIDE USER COMMAND…
  local side=$1 user=$2 pid as=()
  shift 2
  pick_root
  side_is_up "$side" || fail "the $FILES pool's $side side is down: htcondor-farm --files $FILES up"
  pid=$(cat "$POOL/$side/master.pid")
  [ "$user" = root ] || as=(setpriv --reuid "$user" --regid "$user" --init-groups)
  nsenter --target "$pid" --mount --root env -i -C / HOME="$(getent passwd "$user" | cut -d: -f6)" USER="$user" \
    LANG=C.UTF-8 PATH=/usr/sbin:/usr/bin:/sbin:/bin CONDOR_CONFIG="$POOL/$side/condor_config" "${as[@]}" "$@"
}

tool() { in_side submit root "$@"; }

bare_side() { # COMMAND…: HTCondor's programs and the shared folders, no pool: for a personal one
  pick_root
  need_root "inside bare"
  export ROOT POOL
  # shellcheck disable=SC2016 # the inner shell expands them
  unshare --mount --propagation private bash -c '
    set -euo pipefail
    eval "$1"; shift
    mount_side bare
    cd /
    exec chroot "$ROOT" setpriv --reuid "$FARM_USER" --regid "$FARM_USER" --init-groups env -i LANG=C.UTF-8 \
      HOME="/home/$FARM_USER" USER="$FARM_USER" PATH=/usr/sbin:/usr/bin:/sbin:/bin "$@"' bare \
    "$(declare -f mount_side bind bind_host_python host_python sees_host note); $(declare -p ROOT POOL FILES FARM_USER FARM_PYTHON CHECKOUT)" "$@"
}

stop_pool() {
  local side pid deadline
  for side in submit execute; do
    for pid in $(daemon_pids "$side" master); do kill -QUIT "$pid" 2>/dev/null || true; done # a fast shutdown
  done
  deadline=$((SECONDS + 10))
  while [ -n "$(side_pids submit)$(side_pids execute)" ] && [ $SECONDS -lt $deadline ]; do sleep 0.3; done
  for side in submit execute; do
    for _ in 1 2 3 4 5; do
      pid=$(side_pids "$side")
      [ -n "$pid" ] || break
      # shellcheck disable=SC2086 # several numbers
      kill -9 $pid 2>/dev/null || true
      sleep 0.2
    done
    [ -z "$(side_pids "$side")" ] || fail "processes left on the $FILES pool's $side side: $(side_pids "$side" | tr '\n' ' ')"
    # A dead master is in the process table until process 1 has noticed.
    for _ in 1 2 3 4 5 6 7 8 9 10; do
      pid=$(cat "$POOL/$side/master.pid" 2>/dev/null || echo none)
      [ "$(cat "/proc/$pid/comm" 2>/dev/null)" = condor_master ] || break
      sleep 0.3
    done
    rm -f "$POOL/$side/namespace" "$POOL/$side/master.pid"
  done
  # The jobs' control groups are the one thing that outlives the namespaces.
  find /sys/fs/cgroup -mindepth 1 -depth -type d -path "*/$(cgroup_name)*" -exec rmdir {} + 2>/dev/null || true
  rm -f "$POOL/started-with"
}
