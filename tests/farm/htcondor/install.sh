# shellcheck shell=bash
# Sourced by htcondor-farm: HTCondor's programs, the node's Python and the test user. Each step is skipped
# when its result is there.
ROOT_DIR=$FARM/root
# shellcheck disable=SC2034 # for htcondor-farm
NODE_PYTHON=/opt/nbbatch-node/bin/python
INSTALL_LOG=$FARM/install.log

root_of_host_install() { # "/" when minicondor came from the machine's own distribution by this script
  [ ! -f "$FARM/host-install" ] || echo /
}

pick_root() { # where the daemons' file system starts: the machine's own, or a Debian 13 tree
  local root
  root=$(root_of_host_install)
  ROOT=${root:-$ROOT_DIR}
}

install_htcondor() {
  mkdir -p "$FARM"
  if [ ! -f "$ROOT_DIR/.installed" ] && [ ! -f "$FARM/host-install" ]; then
    note "installing HTCondor (about a minute; log in $INSTALL_LOG)"
    if apt-cache policy minicondor 2>/dev/null | grep -q 'Candidate: [0-9]'; then
      install_on_host >"$INSTALL_LOG" 2>&1 || fail_with_log "apt-get install minicondor failed" "$INSTALL_LOG"
    else
      install_tree >"$INSTALL_LOG" 2>&1 || fail_with_log "could not build the Debian 13 tree" "$INSTALL_LOG"
    fi
  fi
  pick_root
  install_keys
  install_node_python
}

install_on_host() {
  ( # Keep the package from starting a daemon set of its own; ours is configured here.
    policy=/usr/sbin/policy-rc.d
    [ -e $policy ] || { trap 'rm -f $policy' EXIT; printf '#!/bin/sh\nexit 101\n' >$policy; chmod 755 $policy; }
    DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends minicondor procps python3-venv
  ) && touch "$FARM/host-install"
}

install_tree() {
  # Run in a namespace: an interrupted installation leaves no mount behind. `set -e` is off inside ||.
  local mirror
  # shellcheck disable=SC2016 # apt's own variables
  mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Origin: Debian' 2>/dev/null | grep -v security | sort -u | head -1)
  [ -n "$mirror" ] || { echo "apt has no Debian mirror configured"; return 1; }
  command -v debootstrap >/dev/null || apt-get install -y --no-install-recommends debootstrap ||
    { apt-get update && apt-get install -y --no-install-recommends debootstrap; } || return 1
  if [ ! -f "$ROOT_DIR/.bootstrapped" ]; then
    rm -rf --one-file-system "$ROOT_DIR"
    debootstrap --variant=minbase trixie "$ROOT_DIR" "$mirror" && touch "$ROOT_DIR/.bootstrapped" || return 1
  fi
  printf '#!/bin/sh\nexit 101\n' >"$ROOT_DIR/usr/sbin/policy-rc.d"
  chmod 755 "$ROOT_DIR/usr/sbin/policy-rc.d"
  apt-config dump Acquire >"$ROOT_DIR/etc/apt/apt.conf.d/90host"
  in_tree "$ROOT_DIR" 'apt-get update && apt-get install -y --no-install-recommends minicondor procps python3-venv ca-certificates' &&
    touch "$ROOT_DIR/.installed"
}

in_tree() { # ROOT COMMAND-LINE: in the tree with the host's name service and certificates, in a private namespace
  # shellcheck disable=SC2016 # the inner shell expands them
  local script='mount -t proc proc "$1/proc" && mount --rbind /dev "$1/dev" &&
    exec env LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive PATH=/usr/sbin:/usr/bin:/sbin:/bin chroot "$1" sh -c "$2"'
  [ "$1" = / ] || cp -L /etc/resolv.conf "$1/etc/resolv.conf"
  unshare --mount --propagation private sh -c "$script" in-tree "$1" "$2"
}

install_keys() { # the pool's signing key and the daemons' own token; one trust domain for all three pools
  [ -s "$ROOT/etc/condor/tokens.d/nbbatch-farm" ] && return
  mkdir -p "$ROOT/etc/condor/passwords.d" "$ROOT/etc/condor/tokens.d"
  chmod 700 "$ROOT/etc/condor/passwords.d" "$ROOT/etc/condor/tokens.d"
  (umask 077
   head -c 48 /dev/urandom | base64 >"$ROOT/etc/condor/passwords.d/POOL"
   make_token condor >"$ROOT/etc/condor/tokens.d/nbbatch-farm")
}

make_token() { # USER [SECONDS]: needs the signing key, no daemon
  chroot "$ROOT" env CONDOR_CONFIG=/dev/null _CONDOR_TRUST_DOMAIN=nbbatch-farm \
    _CONDOR_SEC_PASSWORD_DIRECTORY=/etc/condor/passwords.d condor_token_create -identity "$1@localdomain" ${2:+-lifetime "$2"}
}

install_user() {
  id "$FARM_USER" >/dev/null 2>&1 || useradd --create-home --shell /bin/bash "$FARM_USER"
  local uid gid tokens
  uid=$(id -u "$FARM_USER") gid=$(id -g "$FARM_USER")
  if [ "$ROOT" != / ] && ! chroot "$ROOT" id "$FARM_USER" >/dev/null 2>&1; then
    chroot "$ROOT" groupadd -g "$gid" "$FARM_USER"
    chroot "$ROOT" useradd --create-home --shell /bin/bash -u "$uid" -g "$gid" "$FARM_USER"
  fi
  tokens=$(getent passwd "$FARM_USER" | cut -d: -f6)/.condor/tokens.d
  if [ ! -s "$tokens/nbbatch-farm" ] || [ "$ROOT/etc/condor/passwords.d/POOL" -nt "$tokens/nbbatch-farm" ]; then
    install -d -o "$uid" -g "$gid" -m 700 "${tokens%/*}" "$tokens"
    make_token "$FARM_USER" | install -o "$uid" -g "$gid" -m 600 /dev/stdin "$tokens/nbbatch-farm"
  fi
}

install_node_python() { # the site's Python on the execute nodes: what --python names
  local wanted stamp=$ROOT/opt/nbbatch-node/requirements.txt
  wanted=$(cat "$HERE/node-requirements.txt")
  [ "$(cat "$stamp" 2>/dev/null)" = "$wanted" ] && return
  note "installing the node's Python (about a minute; log in $INSTALL_LOG)"
  # pip works as it is configured here, certificates included.
  [ "$ROOT" = / ] || for file in /etc/pip.conf /etc/ssl/certs/ca-certificates.crt; do
    [ ! -f "$file" ] || install -D -m 644 "$file" "$ROOT$file"
  done
  mkdir -p "$ROOT/opt/nbbatch-node"
  in_tree "$ROOT" "python3 -m venv --clear /opt/nbbatch-node &&
    /opt/nbbatch-node/bin/pip install --no-cache-dir $(grep -v '^#' "$HERE/node-requirements.txt" | tr '\n' ' ')" \
    >>"$INSTALL_LOG" 2>&1 || fail_with_log "could not install the node's Python" "$INSTALL_LOG"
  printf '%s\n' "$wanted" >"$stamp"
}
