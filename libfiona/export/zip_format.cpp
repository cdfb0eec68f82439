// SPDX-License-Identifier: MIT
#include "libfiona/export/zip_format.h"

#include <algorithm>
#include <concepts>
#include <limits>

namespace fiona::exports::zip {

namespace {

constexpr std::uint16_t needs_basic = 20; // §4.4.3: 2.0, folders and deflate
constexpr std::uint16_t needs_zip64 = 45;
constexpr std::uint16_t needs_aes = 51;
constexpr std::uint16_t made_by_unix = 3U << 8U | needs_aes; // §4.4.2
constexpr std::uint16_t encrypted_flag = 1U;                 // §4.4.4
constexpr std::uint16_t utf8_flag = 1U << 11U;
constexpr std::uint16_t neutral_date = 1U << 5U | 1U; // §4.4.6: 1980-01-01
constexpr std::uint32_t regular_0640 = 0100640U << 16U;
constexpr std::uint16_t aes_method = 99; // §4.4.5, AE-x
constexpr std::uint16_t zip64_extra = 0x0001;
constexpr std::uint16_t aes_extra = 0x9901;
constexpr auto full16 = std::numeric_limits<std::uint16_t>::max();
constexpr auto full32 = std::numeric_limits<std::uint32_t>::max();

/// Little endian, whatever the machine.
template <std::unsigned_integral T>
void put(std::string& bytes, T value)
{
    for (unsigned i = 0; i < sizeof(T); ++i) {
        bytes.push_back(static_cast<char>(static_cast<std::uint64_t>(value) >> (8U * i) & 0xffU));
    }
}

std::uint32_t cut32(std::uint64_t value)
{
    return static_cast<std::uint32_t>(std::min<std::uint64_t>(value, full32));
}

std::uint16_t cut16(std::uint64_t value)
{
    return static_cast<std::uint16_t>(std::min<std::uint64_t>(value, full16));
}

std::uint16_t version_needed(const Entry& entry)
{
    if (entry.protection == Protection::aes) {
        return needs_aes;
    }
    return entry.is_large || entry.offset >= full32 ? needs_zip64 : needs_basic;
}

/// WinZip's specification of AE-2, §II.A.
void put_aes_extra(std::string& extra, Method method)
{
    constexpr std::uint16_t ae2 = 2;
    constexpr std::uint8_t aes_256 = 3;
    put(extra, aes_extra);
    put(extra, std::uint16_t{7});
    put(extra, ae2);
    extra += "AE";
    put(extra, aes_256);
    put(extra, static_cast<std::uint16_t>(method));
}

/// What local and central headers have in common, §4.4.3 to §4.4.9.
void put_common(std::string& bytes, const Entry& entry)
{
    const bool is_aes = entry.protection == Protection::aes;
    put(bytes, version_needed(entry));
    put(bytes, static_cast<std::uint16_t>(utf8_flag | (is_aes ? encrypted_flag : 0U)));
    put(bytes, is_aes ? aes_method : static_cast<std::uint16_t>(entry.method));
    put(bytes, std::uint16_t{0});
    put(bytes, neutral_date);
    put(bytes, is_aes ? std::uint32_t{0} : entry.crc);
    put(bytes, entry.is_large ? full32 : cut32(entry.packed_bytes));
    put(bytes, entry.is_large ? full32 : cut32(entry.bytes));
    put(bytes, cut16(entry.name.size()));
}

std::string zip64_sizes(const Entry& entry)
{
    std::string sizes;
    if (entry.is_large) {
        put(sizes, entry.bytes);
        put(sizes, entry.packed_bytes);
    }
    return sizes;
}

std::string extra_field(const Entry& entry, const std::string& sizes)
{
    std::string extra;
    if (!sizes.empty()) {
        put(extra, zip64_extra);
        put(extra, cut16(sizes.size()));
        extra += sizes;
    }
    if (entry.protection == Protection::aes) {
        put_aes_extra(extra, entry.method);
    }
    return extra;
}

} // namespace

std::string local_header(const Entry& entry)
{
    std::string bytes{"PK\x03\x04"};
    put_common(bytes, entry);
    const auto extra = extra_field(entry, zip64_sizes(entry));
    put(bytes, cut16(extra.size()));
    return bytes + entry.name + extra;
}

std::string central_header(const Entry& entry)
{
    std::string bytes{"PK\x01\x02"};
    put(bytes, made_by_unix);
    put_common(bytes, entry);
    auto numbers = zip64_sizes(entry);
    if (entry.offset >= full32) {
        put(numbers, entry.offset);
    }
    const auto extra = extra_field(entry, numbers);
    put(bytes, cut16(extra.size()));
    put(bytes, std::uint16_t{0}); // comment
    put(bytes, std::uint16_t{0}); // disk
    put(bytes, std::uint16_t{0}); // internal attributes: binary
    put(bytes, regular_0640);
    put(bytes, cut32(entry.offset));
    return bytes + entry.name + extra;
}

std::string end_of_archive(const Directory& directory)
{
    std::string bytes;
    if (directory.entries >= full16 || directory.offset >= full32 || directory.bytes >= full32) {
        constexpr std::uint64_t rest_of_record = 44; // §4.3.14.1
        bytes += "PK\x06\x06";
        put(bytes, rest_of_record);
        put(bytes, made_by_unix);
        put(bytes, needs_zip64);
        put(bytes, std::uint32_t{0});
        put(bytes, std::uint32_t{0});
        put(bytes, directory.entries);
        put(bytes, directory.entries);
        put(bytes, directory.bytes);
        put(bytes, directory.offset);
        bytes += "PK\x06\x07";
        put(bytes, std::uint32_t{0});
        put(bytes, directory.offset + directory.bytes);
        put(bytes, std::uint32_t{1});
    }
    bytes += "PK\x05\x06";
    put(bytes, std::uint16_t{0});
    put(bytes, std::uint16_t{0});
    put(bytes, cut16(directory.entries));
    put(bytes, cut16(directory.entries));
    put(bytes, cut32(directory.bytes));
    put(bytes, cut32(directory.offset));
    put(bytes, std::uint16_t{0}); // comment
    return bytes;
}

} // namespace fiona::exports::zip
