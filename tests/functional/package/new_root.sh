#!/bin/bash
# Runs a script in a root file system of its own: a copy-on-write view of this machine's, with homes and temporary directories that are
# empty, and without the directories named. What it changes is gone afterwards.
#
# usage: unshare --mount --pid --fork new_root.sh WORK PACKAGES CHECKOUT CACHE SCRIPT HIDDEN...
set -euo pipefail
work=$1 packages=$2 checkout=$3 cache=$4 script=$5
shift 5
new=$work/root
mount --make-rprivate /
mount -t tmpfs tmpfs "$work"
mkdir "$work"/{upper,work,root}
mount -t overlay overlay -o "lowerdir=/,upperdir=$work/upper,workdir=$work/work" "$new"
# What root has of its own on this machine would show as something that the script's root has removed.
rm -rf "$new/etc/hydravisor" "$new/var/lib/hydravisor"
for directory in home tmp run opt mnt; do mount -t tmpfs tmpfs "$new/$directory"; done
chmod 1777 "$new/tmp"
mount -t proc proc "$new/proc"
for directory in dev sys; do mount --rbind "/$directory" "$new/$directory"; done
install -d -o hvtest -g hvtest "$new/home/hvtest"
install -d "$new/opt/packages" "$new/opt/checkout" "$new/opt/cache/hydravisor"
cp "$packages"/*.deb "$packages"/*.tar.gz "$new/opt/packages/"
(cd "$checkout" && cp -r --parents -t "$new/opt/checkout" quickstart tools tests/fixtures data)
chmod -R a+rX "$new/opt/checkout"
[ ! -d "$cache" ] || mount --bind "$cache" "$new/opt/cache/hydravisor"
cp "$script" "$new/opt/script"
# What the script changed lies here, however much others change on this machine meanwhile.
for directory in upper lower; do mkdir "$new/opt/$directory"; done
mount --bind "$work/upper" "$new/opt/upper"
mount --bind / "$new/opt/lower"
for directory in "$@"; do [ ! -d "$new$directory" ] || mount -t tmpfs tmpfs "$new$directory"; done
cd "$new"
# Not chroot(2), in which the kernel allows no user namespaces.
pivot_root . mnt
umount -l /mnt
cd /
exec bash -euo pipefail /opt/script
