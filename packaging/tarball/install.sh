#!/bin/sh
# Installs Hydravisor from this directory: for everybody as root, otherwise for you alone, without root.
#
#   ./install.sh [--prefix DIR]      /usr/local for root, ~/.local for others
#
# PREFIX/lib/hydravisor/uninstall removes exactly what was installed. Installing over an older version replaces it.
set -eu
umask 022
here=$(cd "$(dirname "$0")" && pwd)
prefix=${PREFIX:-}
while [ $# -gt 0 ]; do
  case $1 in
    --prefix) prefix=$2 && shift 2 ;;
    -h | --help) sed -n '2,6s/^# \{0,1\}//p' "$0" && exit 0 ;;
    *) echo "install.sh: unknown option '$1'" >&2 && exit 2 ;;
  esac
done
me=$(id -u)
if [ -z "$prefix" ]; then
  [ "$me" = 0 ] && prefix=/usr/local || prefix=${HOME:?set HOME, or use --prefix}/.local
fi
case $prefix in
  *[!A-Za-z0-9/._+-]* | [!/]*) echo "install.sh: the prefix must be an absolute path of letters, digits and /._+-: $prefix" >&2 && exit 2 ;;
esac
programs=$prefix/lib/hydravisor
list=$programs/installed
new=$(mktemp)
old=$(mktemp)
trap 'rm -f "$new" "$old"' EXIT
[ ! -e "$list" ] || cp "$list" "$old"
# Directories that an earlier installation made are still ours to remove.
grep '^d ' "$old" >"$new" || true

make_directory() {
  [ -d "$1" ] && return
  make_directory "$(dirname "$1")"
  mkdir "$1"
  echo "d $1" >>"$new"
}

# Under a temporary name first: a program that runs at this moment is not written to.
put() {
  make_directory "$(dirname "$2")"
  rm -f "$2.new"
  case $2 in
    */systemd/*/hydravisord.* | */apparmor/hydravisor) sed "s|/usr/lib/hydravisor|$programs|g" "$1" >"$2.new" ;;
    *) cp -P "$1" "$2.new" ;;
  esac
  mv -f "$2.new" "$2"
  echo "f $2" >>"$new"
}

cd "$here/files"
find . -type f -o -type l | LC_ALL=C sort | while read -r path; do
  path=${path#./}
  case $path in
    # A user's manager reads this directory in the home, and there is no system's.
    lib/systemd/user/*) [ "$me" = 0 ] && target=$path || target=share/${path#lib/} ;;
    lib/systemd/system/*) [ "$me" = 0 ] || continue && target=$path ;;
    *) target=$path ;;
  esac
  put "$path" "$prefix/$target"
done
put "$here/uninstall" "$programs/uninstall"
put "$here/LICENSE" "$prefix/share/doc/hydravisor/LICENSE"
echo "f $list" >>"$new"
# What only the older version had goes.
grep '^f ' "$old" | grep -vxFf "$new" | cut -c3- | while read -r path; do rm -f "$path"; done
cp "$new" "$list"
chmod 644 "$list"

echo "installed in $prefix; to remove it: $programs/uninstall"
case :$PATH: in
  *:"$prefix/bin":*) ;;
  *) echo "$prefix/bin is not in your PATH; add it" ;;
esac
"$prefix/bin/hydravisor" --version
