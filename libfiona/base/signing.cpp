// SPDX-License-Identifier: MIT
#include "libfiona/base/signing.h"

#include "libfiona/base/digest.h"
#include "libfiona/base/error.h"
#include "libfiona/base/files.h"
#include "libfiona/base/number.h"
#include "libfiona/base/unique_fd.h"

#include <fcntl.h>
#include <openssl/evp.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <memory>
#include <optional>
#include <span>
#include <vector>

namespace fiona {

namespace {

constexpr std::size_t key_bytes = 32;
constexpr std::size_t signature_bytes = 64;

using Key = std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)>;
using Context = std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)>;

const unsigned char* as_unsigned(std::string_view bytes)
{
    // NOLINTNEXTLINE(cppcoreguidelines-pro-type-reinterpret-cast) OpenSSL's bytes are unsigned
    return reinterpret_cast<const unsigned char*>(bytes.data());
}

Key private_key(const std::string& secret)
{
    Key key{
        EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, nullptr, as_unsigned(secret), secret.size()),
        &EVP_PKEY_free};
    if (!key) {
        throw Error{Fault::internal, "OpenSSL makes no Ed25519 key"};
    }
    return key;
}

std::optional<std::string> from_hex(std::string_view hex, std::size_t bytes)
{
    if (hex.size() != 2 * bytes) {
        return std::nullopt;
    }
    std::string result;
    for (std::size_t at = 0; at < hex.size(); at += 2) {
        const auto value = read_number<unsigned>(hex.substr(at, 2), 16);
        if (!value) {
            return std::nullopt;
        }
        result += static_cast<char>(*value);
    }
    return result;
}

std::string hex_of(std::span<const unsigned char> bytes)
{
    return to_hex(std::as_bytes(bytes));
}

/// Written under another name and linked, so that nobody reads half a key.
void make_key_file(const std::filesystem::path& file)
{
    make_directories(file.parent_path());
    auto part = file;
    part += "." + std::to_string(::getpid()) + ".part";
    const auto random = random_bytes(key_bytes);
    {
        const UniqueFd fd{
            ::open(part.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600)};
        if (!fd) {
            throw os_error(errno, "make a signing key");
        }
        std::string bytes;
        for (const auto byte : random) {
            bytes += static_cast<char>(byte);
        }
        write_all(fd.get(), bytes, "a signing key");
        if (::fsync(fd.get()) != 0) {
            throw os_error(errno, "sync a signing key");
        }
    }
    const int linked = ::link(part.c_str(), file.c_str());
    const int problem = errno;
    ::unlink(part.c_str());
    if (linked != 0 && problem != EEXIST) {
        throw os_error(problem, "publish a signing key");
    }
    sync_directory(file.parent_path());
}

} // namespace

SigningKey SigningKey::load_or_make(const std::filesystem::path& file)
{
    std::error_code problem;
    if (!std::filesystem::exists(file, problem)) {
        make_key_file(file);
    }
    auto secret = read_secret_file(file);
    if (secret.reveal().size() != key_bytes) {
        throw Error{Fault::config, "{}: a signing key has {} bytes", file.native(), key_bytes};
    }
    return SigningKey{std::move(secret)};
}

std::string SigningKey::sign(std::string_view text) const
{
    const auto key = private_key(m_secret.reveal());
    const Context context{EVP_MD_CTX_new(), &EVP_MD_CTX_free};
    std::array<unsigned char, signature_bytes> signature{};
    std::size_t size = signature.size();
    if (!context || EVP_DigestSignInit(context.get(), nullptr, nullptr, nullptr, key.get()) != 1
        || EVP_DigestSign(context.get(), signature.data(), &size, as_unsigned(text), text.size())
               != 1
        || size != signature.size()) {
        throw Error{Fault::internal, "OpenSSL does not sign"};
    }
    return hex_of(signature);
}

std::string SigningKey::public_key() const
{
    const auto key = private_key(m_secret.reveal());
    std::array<unsigned char, key_bytes> bytes{};
    std::size_t size = bytes.size();
    if (EVP_PKEY_get_raw_public_key(key.get(), bytes.data(), &size) != 1 || size != bytes.size()) {
        throw Error{Fault::internal, "OpenSSL gives no public key"};
    }
    return hex_of(bytes);
}

bool is_signed(std::string_view text, std::string_view public_key_hex,
               std::string_view signature_hex)
{
    const auto bytes = from_hex(public_key_hex, key_bytes);
    const auto signature = from_hex(signature_hex, signature_bytes);
    if (!bytes || !signature) {
        return false;
    }
    const Key key{
        EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nullptr, as_unsigned(*bytes), bytes->size()),
        &EVP_PKEY_free};
    const Context context{EVP_MD_CTX_new(), &EVP_MD_CTX_free};
    return key && context
           && EVP_DigestVerifyInit(context.get(), nullptr, nullptr, nullptr, key.get()) == 1
           && EVP_DigestVerify(context.get(), as_unsigned(*signature), signature->size(),
                               as_unsigned(text), text.size())
                  == 1;
}

} // namespace fiona
