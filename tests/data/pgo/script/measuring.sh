ifconfig lo up
mkdir -p /work
mount -t tmpfs tmpfs /work
cd /work
export MARK_LOG=/results/marks.txt
tell() { [ $2 = 0 ] || tail -c 2000 $3 > /results/said-$1.txt; }
step() {
    sh -e /workload/$1 > /tmp/$1 2>&1
    status=$?
    echo "$1 $status" >> /results/steps.txt
    tell $1 $status /tmp/$1
    return $status
}
phase() {
    export OUT=/tmp/out-$1
    : > $OUT
    left=$2
    while [ $left -gt 0 ]; do
        /bin/mark $1 sh -e /workload/phase-$1 >> $OUT 2>&1
        status=$?
        [ $status = 0 ] || break
        left=$((left - 1))
    done
    usleep 50000
    sh -e /workload/done-$1 > /tmp/done 2>&1
    is_done=$?
    echo "$1 $is_done" >> /results/done.txt
    tell $1 $((status + is_done)) $OUT
}
step set-up && step warm-up && {
mark say "phase get"
usleep 50000
phase 1 2
mark say "phase put"
usleep 50000
phase 2 1
}
/bin/mark 255
cd /results
true
