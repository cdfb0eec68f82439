// SPDX-License-Identifier: MIT
#include "libfiona/base/digest.h"

#include <catch2/catch.hpp>

#include <set>
#include <string>

using namespace fiona;

namespace {

std::span<const std::byte> bytes(std::string_view text)
{
    return std::as_bytes(std::span{text});
}

} // namespace

TEST_CASE("SHA-256 of the vectors of FIPS 180-4")
{
    CHECK(sha256_hex("") == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    CHECK(sha256_hex("abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    CHECK(sha256_hex("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq")
          == "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
}

TEST_CASE("SHA-256 of a million bytes that arrive piece by piece")
{
    Sha256 hash;
    for (int i = 0; i < 1000; ++i) {
        hash.add(std::string(1000, 'a'));
        hash.add(std::string_view{});
    }

    CHECK(to_hex(hash.finish())
          == "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

TEST_CASE("HMAC-SHA-256 of the vectors of RFC 4231")
{
    CHECK(to_hex(hmac_sha256(bytes(std::string(20, '\x0b')), "Hi There"))
          == "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
    CHECK(to_hex(hmac_sha256(bytes("Jefe"), "what do ya want for nothing?"))
          == "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    CHECK(to_hex(hmac_sha256(bytes(std::string(131, '\xaa')),
                             "Test Using Larger Than Block-Size Key - Hash Key First"))
          == "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
}

TEST_CASE("HMAC-SHA-256 with an empty key and an empty text")
{
    CHECK(to_hex(hmac_sha256({}, ""))
          == "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad");
}

TEST_CASE("random bytes are as many as asked for and differ")
{
    std::set<std::string> seen;
    for (int i = 0; i < 100; ++i) {
        seen.insert(to_hex(random_bytes(16)));
    }

    CHECK(seen.size() == 100);
    CHECK(random_bytes(0).empty());
    CHECK(random_bytes(1000).size() == 1000);
}
