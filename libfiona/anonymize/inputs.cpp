// SPDX-License-Identifier: MIT
#include "libfiona/anonymize/inputs.h"

#include "libfiona/anonymize/engine.h"
#include "libfiona/base/digest.h"
#include "libfiona/base/error.h"
#include "libfiona/base/files.h"

#include <algorithm>
#include <array>
#include <fstream>
#include <span>
#include <string_view>

namespace fiona::anonymize {

namespace fs = std::filesystem;

std::vector<std::byte> read_key(const Settings& settings)
{
    if (!settings.key_file) {
        return {};
    }
    const auto secret = read_secret_file(*settings.key_file);
    const auto bytes = std::as_bytes(std::span{secret.reveal()});
    if (bytes.size() != 32) {
        throw Error{Fault::config, "{}: a key has 32 bytes", settings.key_file->native()};
    }
    return {bytes.begin(), bytes.end()};
}

std::string sha256_of_file(const fs::path& file)
{
    std::ifstream in{file, std::ios::binary};
    std::vector<char> block(std::size_t{1} << 18U);
    Sha256 hash;
    while (in) {
        in.read(block.data(), static_cast<std::streamsize>(block.size()));
        hash.add(std::string_view{block.data(), static_cast<std::size_t>(in.gcount())});
    }
    if (!in.eof()) {
        throw Error{Fault::io, "a file cannot be read for its digest"};
    }
    return to_hex(hash.finish());
}

bool have_equal_bytes(const fs::path& first, const fs::path& second)
{
    std::ifstream a{first, std::ios::binary};
    std::ifstream b{second, std::ios::binary};
    std::array<char, 65536> left{};
    std::array<char, 65536> right{};
    while (a && b) {
        a.read(left.data(), left.size());
        b.read(right.data(), right.size());
        const auto count = static_cast<std::size_t>(a.gcount());
        if (a.gcount() != b.gcount()
            || std::string_view{left.data(), count} != std::string_view{right.data(), count}) {
            return false;
        }
    }
    return a.eof() && b.eof();
}

} // namespace fiona::anonymize
