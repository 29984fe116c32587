#!/bin/sh
# Stands in for the CUDA compiler where there is none, so that every check can type-check the `cuda`
# feature. It answers for its version and leaves an empty file wherever output is asked for; nothing
# built with it can be linked or run.
#
# Use: name it `nvcc`, put it on PATH, point NVCC at it, set CUDA_COMPUTE_CAP=80.
set -eu

output= directory= source= kind=object
while [ "$#" -gt 0 ]; do
    case "$1" in
        --version)
            echo "nvcc: NVIDIA (R) Cuda compiler driver"
            echo "Stand-in: compiles nothing"
            echo "Built for type-checking"
            echo "Cuda compilation tools, release 13.0, V13.0.88"
            exit 0
            ;;
        --list-gpu-code)
            echo "sm_80"
            exit 0
            ;;
        --ptx) kind=ptx ;;
        --lib) kind=library ;;
        -o) output=$2; shift ;;
        --output-directory) directory=$2; shift ;;
        *.cu) source=$1 ;;
    esac
    shift
done

if [ -z "$output" ]; then
    name=$(basename "$source" .cu)
    output=${directory:-.}/$name.$( [ "$kind" = ptx ] && echo ptx || echo o )
fi
case "$kind" in
    # An archive without members.
    library) printf '!<arch>\n' > "$output" ;;
    *) : > "$output" ;;
esac
