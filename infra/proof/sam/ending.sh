# Sourced by the scripts here: the commands that "begin" starts end with the script,
# the last one first, however the script ends. A separate process waits on a pipe
# whose other end only the script holds; the kernel closes it when the script is
# gone, SIGKILL included.

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

# begin LOG COMMAND... starts a command in the background, in its own process group,
# which no Ctrl-C reaches.
begin() {
  local log=$1
  shift
  : >"$log" # an earlier run's lines must not pass for this one's
  set -m
  "$@" >"$log" 2>&1 </dev/null 9>&- &
  set +m
  begun=$!
  echo "$begun" >&9
}

# await LOG COMMAND... waits until COMMAND succeeds, while the last begun one runs.
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

# during COMMAND... runs a command to its end, or to the script's.
during() {
  "$@" <&0 9>&- &
  echo "$!" >&9
  wait "$!"
}
