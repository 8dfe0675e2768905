# Sourced by the scripts here: what "begin" starts ends with the script, however
# that ends. A process of its own waits on a pipe whose other end only the
# script holds; the kernel closes it when the script is gone, SIGKILL included.

exec {life}> >(
  trap '' HUP INT QUIT TERM
  begun=()
  while read -r pid; do begun=("$pid" "${begun[@]}"); done
  for pid in "${begun[@]}"; do
    kill "$pid" 2>/dev/null || continue
    while kill -0 "$pid" 2>/dev/null; do sleep 0.1; done
  done
)
ending=$!
trap 'exec {life}>&-; while kill -0 "$ending" 2>/dev/null; do sleep 0.1; done' EXIT

# begin LOG COMMAND... starts a command in the background.
begin() {
  local log=$1
  shift
  : >"$log" # what an earlier run wrote there must not pass for this one's
  setsid "$@" >"$log" 2>&1 </dev/null {life}>&- &
  begun=$!
  echo "$begun" >&"$life"
}

# await LOG COMMAND... waits until the command succeeds, for what was begun last.
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
