// SPDX-License-Identifier: MIT
#include "libfiona/export/zip_cipher.h"

#include "libfiona/base/digest.h"
#include "libfiona/base/error.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/params.h>

#include <array>
#include <cstddef>

namespace fiona::exports::zip {

namespace {

constexpr std::size_t salt_bytes = 16;
constexpr std::size_t key_bytes = 32;
constexpr std::size_t check_bytes = 2;
constexpr std::size_t checksum_bytes = 10;
constexpr std::size_t block_bytes = 16;
constexpr std::size_t stream_bytes = 16384; // of key stream made at once
constexpr int rounds = 1000;                // WinZip's specification, §III

void require(bool is_good)
{
    if (!is_good) {
        throw Error{Fault::internal, "OpenSSL cannot encrypt"};
    }
}

unsigned char* as_unsigned(std::string& bytes)
{
    return reinterpret_cast<unsigned char*>(bytes.data()); // NOLINT(*-reinterpret-cast) C interface
}

const unsigned char* as_unsigned(std::string_view bytes)
{
    // NOLINTNEXTLINE(*-reinterpret-cast) C interface
    return reinterpret_cast<const unsigned char*>(bytes.data());
}

} // namespace

struct Cipher::Contexts {
    std::unique_ptr<EVP_CIPHER_CTX, decltype(&EVP_CIPHER_CTX_free)> aes{EVP_CIPHER_CTX_new(),
                                                                        &EVP_CIPHER_CTX_free};
    std::unique_ptr<EVP_MAC, decltype(&EVP_MAC_free)> algorithm{
        EVP_MAC_fetch(nullptr, "HMAC", nullptr), &EVP_MAC_free};
    std::unique_ptr<EVP_MAC_CTX, decltype(&EVP_MAC_CTX_free)> mac{nullptr, &EVP_MAC_CTX_free};
};

Cipher::Cipher(const Private<std::string>& password) : m_contexts{std::make_unique<Contexts>()}
{
    for (const auto byte : random_bytes(salt_bytes)) {
        m_prefix.push_back(static_cast<char>(byte));
    }
    std::string keys(2 * key_bytes + check_bytes, '\0');
    const auto& secret = password.reveal();
    require(PKCS5_PBKDF2_HMAC_SHA1(secret.data(), static_cast<int>(secret.size()),
                                   as_unsigned(std::string_view{m_prefix}), salt_bytes, rounds,
                                   static_cast<int>(keys.size()), as_unsigned(keys))
            == 1);
    m_prefix += keys.substr(2 * key_bytes);
    require(m_contexts->aes != nullptr && m_contexts->algorithm != nullptr);
    m_contexts->mac.reset(EVP_MAC_CTX_new(m_contexts->algorithm.get()));
    // Counter mode of our own: OpenSSL counts from the other end of the block.
    require(EVP_EncryptInit_ex(m_contexts->aes.get(), EVP_aes_256_ecb(), nullptr,
                               as_unsigned(std::string_view{keys}), nullptr)
            == 1);
    EVP_CIPHER_CTX_set_padding(m_contexts->aes.get(), 0);
    std::string digest{"SHA1"};
    const std::array parameters{OSSL_PARAM_construct_utf8_string("digest", digest.data(), 0),
                                OSSL_PARAM_construct_end()};
    require(m_contexts->mac != nullptr
            && EVP_MAC_init(m_contexts->mac.get(),
                            as_unsigned(std::string_view{keys}.substr(key_bytes)), key_bytes,
                            parameters.data())
                   == 1);
    OPENSSL_cleanse(keys.data(), keys.size());
}

Cipher::~Cipher() = default;

void Cipher::refill()
{
    m_stream.assign(stream_bytes, '\0');
    for (std::size_t block = 0; block < stream_bytes; block += block_bytes) {
        const auto counter = m_counter++;
        for (unsigned i = 0; i < sizeof counter; ++i) {
            m_stream[block + i] = static_cast<char>(counter >> (8U * i) & 0xffU);
        }
    }
    int made = 0;
    require(EVP_EncryptUpdate(m_contexts->aes.get(), as_unsigned(m_stream), &made,
                              as_unsigned(std::string_view{m_stream}), stream_bytes)
            == 1);
    m_used = 0;
}

void Cipher::encrypt(std::string& bytes)
{
    for (auto& byte : bytes) {
        if (m_used == m_stream.size()) {
            refill();
        }
        byte = static_cast<char>(static_cast<unsigned char>(byte)
                                 ^ static_cast<unsigned char>(m_stream[m_used++]));
    }
    require(
        EVP_MAC_update(m_contexts->mac.get(), as_unsigned(std::string_view{bytes}), bytes.size())
        == 1);
}

std::string Cipher::checksum()
{
    std::string mac(EVP_MAX_MD_SIZE, '\0');
    std::size_t made = 0;
    require(EVP_MAC_final(m_contexts->mac.get(), as_unsigned(mac), &made, mac.size()) == 1);
    mac.resize(checksum_bytes);
    return mac;
}

} // namespace fiona::exports::zip
