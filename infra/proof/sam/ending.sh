# Scripts source this file. When the script ends for any reason, a separate process stops
# the commands that "begin" and "during" started, the last one first. That process waits on
# a pipe whose write end only the script has open. The kernel closes the write end when the
# script is gone, even after SIGKILL.

pipe=$(mktemp -u)
mkfifo "$pipe"
{
  trap '' HUP INT QUIT TERM
  begun=
  while read -r pid; do begun="$pid $begun"; done
  for pid in $begun; do
    kill "$pid" || continue
    for ((tenths = 0; tenths < 300; tenths++)); do
      kill -0 "$pid" || continue 2
      sleep 0.1
    done
    kill -KILL "$pid" || true
  done
} <"$pipe" >/dev/null 2>&1 &
ending=$!
exec 9>"$pipe"
rm "$pipe"
trap 'exec 9>&-; wait "$ending" || true' EXIT

# begin LOG COMMAND... starts a command in the background, with its output in LOG. The
# command has its own process group, so Ctrl-C does not reach it.
begin() {
  local log=$1
  shift
  : >"$log" # await must not find an earlier run's lines
  set -m
  "$@" >"$log" 2>&1 </dev/null 9>&- &
  set +m
  begun=$!
  echo "$begun" >&9
}

# await LOG COMMAND... retries COMMAND until it succeeds. If the last command started by
# "begin" has ended, await prints LOG and fails.
await() {
  local log=$1
  shift
  until "$@" >/dev/null 2>&1; do
    kill -0 "$begun" 2>/dev/null || {
      cat "$log" >&2
      return 1
    }
    sleep 0.1
  done
}

# during COMMAND... runs a command and waits for it.
during() {
  "$@" <&0 9>&- &
  echo "$!" >&9
  wait "$!"
}
