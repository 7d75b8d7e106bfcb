# Debian systems in folders, for tests. Sourced, never run.
# shellcheck shell=bash

# shellcheck disable=SC2034 # read by the scripts that source this file
debian_suite=trixie

# The mirror from which this machine's own packages come, if it runs Debian.
debian_mirror() {
    # shellcheck disable=SC2016 # apt replaces the names
    apt-get indextargets --format '$(LABEL) $(REPO_URI)' 'Created-By: Packages' 2>/dev/null |
        awk '$1 == "Debian" { print $2; exit }'
}

# create_debian FOLDER PACKAGE,…: a minimal system with these packages, whose apt reaches the same
# registry as this machine's.
create_debian() {
    local system=$1 packages=$2 certificates=/etc/ssl/certs/ca-certificates.crt proxy=''
    eval "$(apt-config shell proxy Acquire::http::Proxy)"
    ${proxy:+env http_proxy="$proxy"} debootstrap --variant=minbase --include="$packages" \
        --arch=amd64 "$debian_suite" "$system" "$(debian_mirror)" || return 1
    apt-config dump | grep -E '^Acquire::(https?|Check|Retries|Queue|ForceIP)' \
        >"$system/etc/apt/apt.conf.d/90machine" || true
    # For a mirror with https, before the package ca-certificates is installed.
    if [[ -e $certificates ]]; then
        cp "$certificates" "$system/etc/apt/machine.crt"
        printf 'Acquire::https::CaInfo "/etc/apt/machine.crt";\n' \
            >>"$system/etc/apt/apt.conf.d/90machine"
    fi
    mkdir -p "$system/usr/local/share/ca-certificates"
    find /usr/local/share/ca-certificates -name '*.crt' \
        -exec cp -t "$system/usr/local/share/ca-certificates" {} +
    cp /etc/resolv.conf /etc/hosts "$system/etc/"
}
