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
mount -t debugfs debugfs /sys/kernel/debug 2>/dev/null
[ -w /sys/kernel/debug/gcov/reset ] || echo missing > /results/export.txt
[ ! -e /results/export.txt ] && step set-up && step warm-up && {
usleep 50000
echo 0 > /sys/kernel/debug/gcov/reset
phase 1 2
}
if [ ! -e /results/export.txt ]; then
    files=$(gcda /sys/kernel/debug/gcov /tmp/gcda) 2> /tmp/gcda-error || mark say $(cat /tmp/gcda-error)
    tar -C /tmp/gcda -cz -f /tmp/gcda.tar.gz .
    stty -F /dev/ttyS1 raw -echo
    cat /tmp/gcda.tar.gz > /dev/ttyS1
    sum=$(sha256sum < /tmp/gcda.tar.gz | cut -d' ' -f1)
    echo "$files $(wc -c < /tmp/gcda.tar.gz) $sum" > /results/export.txt
fi
cd /results
true
