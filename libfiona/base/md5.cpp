// SPDX-License-Identifier: MIT
#include "libfiona/base/md5.h"

#include "libfiona/base/digest.h"
#include "libfiona/base/error.h"

#include <openssl/evp.h>

#include <array>
#include <span>

namespace fiona {

struct Md5::Context {
    struct Deleter {
        void operator()(EVP_MD_CTX* context) const { ::EVP_MD_CTX_free(context); }
    };
    std::unique_ptr<EVP_MD_CTX, Deleter> evp{::EVP_MD_CTX_new()};

    static void check(int succeeded)
    {
        if (succeeded != 1) {
            throw Error{Fault::internal, "OpenSSL cannot compute MD5"};
        }
    }
};

Md5::Md5() : m_context{std::make_unique<Context>()}
{
    Context::check(::EVP_DigestInit_ex(m_context->evp.get(), ::EVP_md5(), nullptr));
}

Md5::~Md5() = default;

void Md5::add(std::string_view bytes)
{
    Context::check(::EVP_DigestUpdate(m_context->evp.get(), bytes.data(), bytes.size()));
}

std::string Md5::finish()
{
    constexpr std::size_t length = 16;
    std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
    Context::check(::EVP_DigestFinal_ex(m_context->evp.get(), digest.data(), nullptr));
    return to_hex(std::as_bytes(std::span{digest}.first(length)));
}

} // namespace fiona
