// SPDX-License-Identifier: MIT
#include "libfiona/base/digest.h"

#include "libfiona/base/error.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <sys/random.h>

#include <cerrno>

namespace fiona {

namespace {

void require(int result, std::string_view doing)
{
    if (result != 1) {
        throw Error{Fault::internal, "OpenSSL cannot {}", doing};
    }
}

// OpenSSL's C interface counts in unsigned char.
unsigned char* octets(Sha256Digest& digest)
{
    // NOLINTNEXTLINE(cppcoreguidelines-pro-type-reinterpret-cast) byte to byte
    return reinterpret_cast<unsigned char*>(digest.data());
}

const unsigned char* octets(std::string_view text)
{
    // NOLINTNEXTLINE(cppcoreguidelines-pro-type-reinterpret-cast) byte to byte
    return reinterpret_cast<const unsigned char*>(text.data());
}

} // namespace

struct Sha256::Context {
    std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> md{EVP_MD_CTX_new(), EVP_MD_CTX_free};
};

Sha256::Sha256() : m_context{std::make_unique<Context>()}
{
    require(EVP_DigestInit_ex(m_context->md.get(), EVP_sha256(), nullptr), "start SHA-256");
}

Sha256::~Sha256() = default;

void Sha256::add(std::span<const std::byte> bytes)
{
    require(EVP_DigestUpdate(m_context->md.get(), bytes.data(), bytes.size()), "hash");
}

void Sha256::add(std::string_view text)
{
    add(std::as_bytes(std::span{text}));
}

Sha256Digest Sha256::finish()
{
    Sha256Digest digest{};
    require(EVP_DigestFinal_ex(m_context->md.get(), octets(digest), nullptr), "finish SHA-256");
    return digest;
}

Sha256Digest sha256(std::string_view text)
{
    Sha256 hash;
    hash.add(text);
    return hash.finish();
}

std::string sha256_hex(std::string_view text)
{
    return to_hex(sha256(text));
}

std::string sha512_hex(std::string_view text)
{
    std::array<unsigned char, 64> digest{}; // OpenSSL's C interface counts in unsigned char
    unsigned int length = 0;
    require(EVP_Digest(text.data(), text.size(), digest.data(), &length, EVP_sha512(), nullptr),
            "compute SHA-512");
    return to_hex(std::as_bytes(std::span{digest}));
}

Sha256Digest hmac_sha256(std::span<const std::byte> key, std::string_view text)
{
    Sha256Digest digest{};
    unsigned int length = 0;
    if (HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()), octets(text), text.size(),
             octets(digest), &length)
        == nullptr) {
        throw Error{Fault::internal, "OpenSSL cannot compute an HMAC"};
    }
    return digest;
}

std::string to_hex(std::span<const std::byte> bytes)
{
    constexpr std::string_view digits = "0123456789abcdef";
    std::string text;
    text.reserve(bytes.size() * 2);
    for (const auto byte : bytes) {
        text += digits[std::to_integer<std::size_t>(byte >> 4)];
        text += digits[std::to_integer<std::size_t>(byte & std::byte{15})];
    }
    return text;
}

std::vector<std::byte> random_bytes(std::size_t count)
{
    std::vector<std::byte> bytes(count);
    std::size_t filled = 0;
    while (filled < count) {
        const auto got = ::getrandom(bytes.data() + filled, count - filled, 0);
        if (got < 0 && errno != EINTR) {
            throw os_error(errno, "get random bytes");
        }
        filled += got > 0 ? static_cast<std::size_t>(got) : 0;
    }
    return bytes;
}

} // namespace fiona
