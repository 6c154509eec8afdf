#!/bin/sh
# Makes certificates, keys and lists of revocations in the directory $1: good ones, and every kind that clients quarrel about.
set -eu
cd "$1"

ec() { openssl ecparam -name prime256v1 -genkey -noout -out "$1.key"; }

# authority NAME [KEY OPTIONS]: a root of its own.
authority() {
    openssl req -x509 -new -key "$1.key" -subj "/CN=authority $1" -days 30 -out "$1.pem" \
        -addext basicConstraints=critical,CA:TRUE -addext keyUsage=critical,keyCertSign,cRLSign 2>/dev/null
}

# signed NAME SUBJECT ISSUER EXTENSIONS [OPTIONS]: a certificate for NAME.key; no extensions make it version 1.
signed() {
    name=$1 subject=$2 issuer=$3 extensions=$4
    shift 4
    openssl req -new -key "$name.key" -subj "$subject" -out "$name.csr" 2>/dev/null
    if [ -n "$extensions" ]; then
        printf "$extensions\n" >"$name.ext"
        set -- -extfile "$name.ext" "$@"
    fi
    openssl x509 -req -in "$name.csr" -CA "$issuer.pem" -CAkey "$issuer.key" -set_serial "0x$(openssl rand -hex 8)" \
        -days 30 -out "$name.pem" "$@" 2>/dev/null
}

# server NAME SUBJECT EXTENSIONS: signed by the usual authority, with a key of elliptic curves.
server() { ec "$1"; signed "$1" "$2" ca "$3"; }

leaf='basicConstraints=CA:FALSE'
for name in ca other; do ec $name; authority $name; done

server good /CN=localhost "$leaf\nsubjectAltName=DNS:localhost,IP:127.0.0.1"
server wrong /CN=other.example "$leaf\nsubjectAltName=DNS:other.example"
server cn-only /CN=localhost "$leaf"
server cn-other /CN=other.example "$leaf"
server cn-beside-san /CN=localhost "$leaf\nsubjectAltName=DNS:other.example"
server cn-address /CN=127.0.0.1 "$leaf\nsubjectAltName=DNS:other.example"
server dns-address /CN=x "$leaf\nsubjectAltName=DNS:127.0.0.1"
server star /CN=x "$leaf\nsubjectAltName=DNS:*.example"
server star-cn '/CN=*.example' "$leaf"
server nameless / "$leaf\nsubjectAltName=DNS:localhost"
server for-clients /CN=localhost "$leaf\nsubjectAltName=DNS:localhost\nextendedKeyUsage=clientAuth"
server revoked /CN=localhost "$leaf\nsubjectAltName=DNS:localhost"
server version-1 /CN=localhost ''
ec expired; signed expired /CN=localhost ca "$leaf\nsubjectAltName=DNS:localhost" -days -1

# Of an authority in between: with it, and without.
ec between; signed between "/CN=between" ca 'basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign,cRLSign'
ec alone; signed alone /CN=localhost between "$leaf\nsubjectAltName=DNS:localhost"
cp alone.key chain.key; cat alone.pem between.pem >chain.pem

# What shows itself.
ec itself; openssl req -x509 -new -key itself.key -subj /CN=localhost -days 30 -out itself.pem \
    -addext subjectAltName=DNS:localhost 2>/dev/null
ec itself-leaf; openssl req -x509 -new -key itself-leaf.key -subj /CN=localhost -days 30 -out itself-leaf.pem \
    -addext subjectAltName=DNS:localhost -addext basicConstraints=critical,CA:FALSE 2>/dev/null

# Other signatures.
openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out rsa-ca.key 2>/dev/null; authority rsa-ca
openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out rsa.key 2>/dev/null
signed rsa /CN=localhost rsa-ca "$leaf\nsubjectAltName=DNS:localhost"
cp rsa.key pss.key
signed pss /CN=localhost rsa-ca "$leaf\nsubjectAltName=DNS:localhost" -sigopt rsa_padding_mode:pss -sigopt rsa_pss_saltlen:-1
openssl genpkey -algorithm ED25519 -out ed-ca.key; authority ed-ca
openssl genpkey -algorithm ED25519 -out ed25519.key
signed ed25519 /CN=localhost ed-ca "$leaf\nsubjectAltName=DNS:localhost"

# Clients.
ec client; signed client /CN=certy ca "$leaf"
ec stranger; signed stranger /CN=certy other "$leaf"
ec client-else; signed client-else /CN=somebody ca "$leaf"
openssl pkey -in client.key -aes128 -passout pass:canary -out client-encrypted.key
cp client.key client-open.key
chmod 0600 ./*.key; chmod 0644 client-open.key

# Who was revoked, and a list that knows of nobody.
touch index.txt
printf '[ca]\ndefault_ca=x\n[x]\ndatabase=index.txt\ndefault_md=sha256\ndefault_crl_days=30\ncrlnumber=number\n' >ca.conf
echo 01 >number
openssl ca -config ca.conf -gencrl -keyfile ca.key -cert ca.pem -out nobody.crl 2>/dev/null
openssl ca -config ca.conf -keyfile ca.key -cert ca.pem -revoke revoked.pem 2>/dev/null
openssl ca -config ca.conf -gencrl -keyfile ca.key -cert ca.pem -out ca.crl 2>/dev/null
mkdir crls; cp ca.crl "crls/$(openssl crl -hash -noout -in ca.crl).r0"
