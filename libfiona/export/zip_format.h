// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <string>

/// The records of a zip file (APPNOTE.TXT 6.3.9). Every time stamp is the first of 1980, every mode
/// 0640, nothing has a comment: what is packed says nothing of where and when.
namespace fiona::exports::zip {

enum class Method : std::uint16_t { stored = 0, deflated = 8 }; ///< §4.4.5

enum class Protection {
    none,
    aes, ///< AES-256 as WinZip's AE-2: the checksum is in the cipher, its own field is zero
};

struct Entry {
    std::string name; ///< UTF-8, parts between `/`
    Method method = Method::stored;
    Protection protection = Protection::none;
    bool is_large = false;          ///< Zip64 sizes (§4.5.3); decided before the sizes are known
    std::uint32_t crc = 0;          ///< of the plain bytes
    std::uint64_t bytes = 0;        ///< plain
    std::uint64_t packed_bytes = 0; ///< in the archive, salt and checksum of the cipher included
    std::uint64_t offset = 0;       ///< of the local header
};

/// §4.3.7. Its length depends on the name, `is_large` and `protection` only: it can be written again
/// in its place.
[[nodiscard]] std::string local_header(const Entry& entry);
/// §4.3.12
[[nodiscard]] std::string central_header(const Entry& entry);

struct Directory {
    std::uint64_t entries = 0;
    std::uint64_t offset = 0;
    std::uint64_t bytes = 0;
};
/// §4.3.14 to §4.3.16: Zip64 records only where the old ones have no room.
[[nodiscard]] std::string end_of_archive(const Directory& directory);

} // namespace fiona::exports::zip
