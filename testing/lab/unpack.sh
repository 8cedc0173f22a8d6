#!/bin/sh
# Called by mmdebstrap with the root folder: unpacks the packages named in $LAB_UNPACK there without installing them.
set -eu
cd "$1"
mkdir lab-unpack
chmod 777 lab-unpack
cd lab-unpack
APT_CONFIG="$MMDEBSTRAP_APT_CONFIG" apt-get --quiet --quiet download $LAB_UNPACK
for package in *.deb; do
	dpkg-deb --extract "$package" ..
done
cd ..
rm -r lab-unpack
