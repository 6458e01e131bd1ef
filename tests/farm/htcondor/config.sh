# shellcheck shell=bash
# Sourced by htcondor-farm: the configuration of both sides and of the client.
# Names of the file system domains tell nbbatch what a job can see, as they do at a real site:
#            client        schedd        startd
#   shared   localdomain   localdomain   localdomain
#   transfer localdomain   localdomain   node.localdomain
#   spool    localdomain   schedd.…      node.localdomain

domain_of() { # client|submit|execute
  case $FILES-$1 in
    shared-* | transfer-submit | *-client) echo localdomain ;;
    spool-submit) echo schedd.localdomain ;;
    *) echo node.localdomain ;;
  esac
}

write_configs() {
  local side
  rm -rf --one-file-system "$POOL" # the old queue and its jobs go with it
  mkdir -p "$POOL/client" "$POOL/channel"
  chmod 1777 "$POOL/channel"
  for side in submit execute; do
    mkdir -p "$POOL/$side"/{log,lock,run,spool,execute,cred}
    chroot "$ROOT" id -u condor >/dev/null || fail "the package made no user 'condor'"
    chown "$(chroot "$ROOT" id -u condor):$(chroot "$ROOT" id -g condor)" "$POOL/$side"/{log,lock,run,spool,execute}
    { common_config "$side"; side_config "$side"; printf '%s\n' "${SETS[@]}"; } >"$POOL/$side/condor_config"
  done
  client_config >"$POOL/client/condor_config"
}

common_config() {
  cat <<CONFIG
include : /etc/condor/condor_config
# Nothing of the package's own set-up: this file is all.
LOCAL_CONFIG_FILE =
LOCAL_CONFIG_DIR =
LOCAL_DIR = $POOL/$1
RUN = \$(LOCAL_DIR)/run
LOG = \$(LOCAL_DIR)/log
LOCK = \$(LOCAL_DIR)/lock
SPOOL = \$(LOCAL_DIR)/spool
EXECUTE = \$(LOCAL_DIR)/execute
DAEMON_SOCKET_DIR = \$(LOCAL_DIR)/run

CONDOR_HOST = 127.0.0.1
COLLECTOR_HOST = 127.0.0.1:$PORT
NETWORK_INTERFACE = 127.0.0.1
BIND_ALL_INTERFACES = False
ENABLE_IPV6 = False
UID_DOMAIN = localdomain
TRUST_UID_DOMAIN = True
FILESYSTEM_DOMAIN = $(domain_of "$1")

TRUST_DOMAIN = nbbatch-farm
SEC_PASSWORD_DIRECTORY = /etc/condor/passwords.d
SEC_TOKEN_SYSTEM_DIRECTORY = /etc/condor/tokens.d
SEC_DEFAULT_AUTHENTICATION = REQUIRED
SEC_DEFAULT_AUTHENTICATION_METHODS = IDTOKENS
SEC_DEFAULT_INTEGRITY = REQUIRED
SEC_READ_AUTHENTICATION = OPTIONAL
ALLOW_READ = *
ALLOW_WRITE = *@localdomain
ALLOW_DAEMON = condor@localdomain
ALLOW_NEGOTIATOR = condor@localdomain
ALLOW_ADMINISTRATOR = condor@localdomain
ALLOW_ADVERTISE_STARTD = condor@localdomain
ALLOW_ADVERTISE_SCHEDD = condor@localdomain
ALLOW_ADVERTISE_MASTER = condor@localdomain

# A test does not wait for intervals that suit ten thousand nodes.
UPDATE_INTERVAL = 5
POLLING_INTERVAL = 2
MASTER_BACKOFF_CONSTANT = 2
SHUTDOWN_FAST_TIMEOUT = 8
CONFIG
}

cgroup_name() { echo "nbbatch-farm-$FILES"; }

side_config() {
  if [ "$1" = submit ]; then
    cat <<CONFIG
DAEMON_LIST = MASTER, SHARED_PORT, COLLECTOR, NEGOTIATOR, SCHEDD
SHARED_PORT_PORT = $PORT
NEGOTIATOR_INTERVAL = 2
NEGOTIATOR_MIN_INTERVAL = 1
NEGOTIATOR_CYCLE_DELAY = 1
SCHEDD_INTERVAL = 2
SCHEDD_MIN_INTERVAL = 1
PERIODIC_EXPR_INTERVAL = 2
SHADOW_QUEUE_UPDATE_INTERVAL = 5
JOB_START_DELAY = 0
CONFIG
    [ "$FILES" != spool ] || echo "SCHEDD_NAME = remote@nbbatch-farm"
  else
    cat <<CONFIG
DAEMON_LIST = MASTER, SHARED_PORT, STARTD
MASTER_NAME = execute
SHARED_PORT_PORT = $((PORT + 1))
NUM_CPUS = 8
MEMORY = 16000
NUM_SLOTS = 1
NUM_SLOTS_TYPE_1 = 1
SLOT_TYPE_1 = 100%
SLOT_TYPE_1_PARTITIONABLE = True
# In a chroot the starter's own mount namespace fails (errno 22).
MOUNT_UNDER_SCRATCH =
STARTER_UPDATE_INTERVAL = 5
STARTER_INITIAL_UPDATE_INTERVAL = 2
STARTER_UPDATE_INTERVAL_TIMESLICE = 1.0
RUNBENCHMARKS = 0
# What is evicted saves its notebook first, however busy the machine is.
KILLING_TIMEOUT = 60
MachineMaxVacateTime = 60
# How much memory jobs use is looked at every 15 s otherwise.
PID_SNAPSHOT_INTERVAL = 2
START = True
PREEMPT = False
SUSPEND = False
RANK = 0
use POLICY : Hold_If_Memory_Exceeded
use POLICY : Hold_If_Disk_Exceeded
CONFIG
    if [ -n "$CGROUPS" ]; then
      echo "BASE_CGROUP = $(cgroup_name)"
      echo "CGROUP_MEMORY_LIMIT_POLICY = hard"
    else
      echo "BASE_CGROUP ="
    fi
  fi
}

client_config() {
  cat <<CONFIG
CONDOR_HOST = 127.0.0.1
COLLECTOR_HOST = 127.0.0.1:$PORT
NETWORK_INTERFACE = 127.0.0.1
ENABLE_IPV6 = False
UID_DOMAIN = localdomain
FILESYSTEM_DOMAIN = $(domain_of client)
TRUST_DOMAIN = nbbatch-farm
SEC_CLIENT_AUTHENTICATION_METHODS = FS,IDTOKENS
CONFIG
  if [ "$FILES" = spool ]; then
    echo "SCHEDD_HOST = remote@nbbatch-farm"
  else
    echo "SPOOL = $POOL/submit/spool"
    echo "SCHEDD_ADDRESS_FILE = \$(SPOOL)/.schedd_address"
    echo "SCHEDD_DAEMON_AD_FILE = \$(SPOOL)/.schedd_classad"
  fi
}
