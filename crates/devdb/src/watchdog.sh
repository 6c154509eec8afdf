#!/bin/sh
# Stops a cluster's server. Lies in the cluster's directory, beside its data.
#
#   watchdog stop            now; the caller holds the cluster's lock
#   watchdog leave           now, or not at all, as the cluster's life asks; the caller holds also the owners' lock
#   watchdog watch SECONDS   once there has been no owner for so long; stdin is the watchdog's mark, stdout the owners'
#                            lock, stderr the cluster's lock, all of them open files
set -u
dir=${0%/*}

life() {
  cat "$dir/life" 2>/dev/null
}

# Sets pid to the process of the server, if it lives. The number alone proves nothing, as the system uses it again.
server() {
  # One of them is there.
  pid=$(head -q -n 1 "$dir/data/postmaster.pid" "$dir/data/server.pid" 2>/dev/null); [ -n "$pid" ] &&
    [ "$(readlink "/proc/$pid/cwd")" = "$dir/data" ]
}

# A fast shutdown, then an immediate one, then force; temporary data need no orderly end.
stop() {
  case $(life) in temporary) signals='QUIT KILL' ;; *) signals='INT QUIT KILL' ;; esac
  for signal in $signals; do
    server || break
    kill -s "$signal" "$pid"
    tries=400
    while server && [ "$tries" -gt 0 ]; do
      sleep 0.025
      tries=$((tries - 1))
    done
  done
  ! server
}

# Away in one step, so that nobody locks a file in a directory of which half is there.
remove() {
  rm -rf "$dir.gone" && mv "$dir" "$dir.gone" && rm -rf "$dir.gone"
}

leave() {
  case $(life) in
    kept) ;;
    temporary) stop && remove ;;
    *) stop ;;
  esac
}

watch() {
  exec 7<&0 8<&1 9<&2 </dev/null >/dev/null 2>&1
  while :; do
    # What waits does not hold the mark: should this script be killed, the next owner has to see that.
    flock 8 7<&- || exit # until no owner is left
    flock --unlock 8
    sleep "$1" 7<&-
    flock 9 7<&- || exit
    flock --nonblock 8 && break # none has come meanwhile, and none can now
    flock --unlock 9
  done
  leave
  exec 7<&- # before the cluster's lock is free: who takes that has to start a new watchdog
}

"$@"
