# What the scripts of these tests have in common: a numalab run in the background, and looking at its child from outside.

# The process of the sample that runs, once it has written its heaps: `pages` of 4 KiB; empty where the run is over. It is
# started as /proc/self/exe, hence its name; under numactl it has its own.
find_sample() { # pages
  child=
  while kill -0 "$run" 2>/dev/null; do
    for process in $(pidof exe numalab); do
      if grep -qs __sample "/proc/$process/cmdline"; then
        kib=$(awk '/RssAnon/ { print $2 }' "/proc/$process/status" 2>/dev/null)
        [ "${kib:-0}" -ge $(($1 * 4)) ] && child=$process && return
      fi
    done
    usleep 20000
  done
  echo "the run was over before its sample was found: $name" >&2
}

# Stops the sample, writes what can be seen of it to a folder, and lets it go on.
look() { # folder
  mkdir -p "$1"
  [ -n "$child" ] || return
  kill -STOP "$child"
  # Of each thread its name, the PUs it may use, and the one it is on (field 39 of stat).
  awk 'FILENAME ~ /stat$/ { gsub(/[()]/, "", $2); on[$2] = $39 }
    FILENAME ~ /status$/ && /^Name:/ { name = $2 }
    FILENAME ~ /status$/ && /^Cpus_allowed_list:/ { print name, $2, on[name] }' \
    /proc/"$child"/task/*/stat /proc/"$child"/task/*/status > "$1/tasks"
  cat /proc/"$child"/numa_maps > "$1/numa_maps"
  outside "$child" > "$1/outside"
  numastat -p "$child" > "$1/numastat"
  cat /proc/"$child"/oom_score_adj > "$1/oom_score_adj"
  kill -CONT "$child"
}

# Starts numalab with an experiment in the background; its words and its code go to out/NAME.
start() { # name, arguments
  name=$1
  shift
  mkdir -p "out/$name"
  { numalab run "lab/$name.toml" --results "out/$name/results" "$@" > "out/$name/out" 2> "out/$name/err"
    echo $? > "out/$name/code"; } &
  run=$!
}

free_kib() { # node
  awk '/MemFree/ { print $4 }' "/sys/devices/system/node/node$1/meminfo"
}

# Fills a node with the memory of another process, `hog`, that stands still from then on. What finds no room there any
# more lies elsewhere, so nothing is killed.
fill() { # node
  numactl --cpunodebind=1 --preferred="$1" memhog -r1000000 $(($(free_kib "$1") + 16384))k > /dev/null &
  hog=$!
  before=-1
  while free=$(free_kib "$1"); [ "$free" -ne "$before" ] || [ "$free" -gt 32768 ]; do
    before=$free
    usleep 300000
  done
  kill -STOP $hog
}

empty() {
  kill -KILL $hog
  wait $hog 2>/dev/null
}
