// SPDX-License-Identifier: MIT
#include "libfiona/sftp/server_list.h"

#include "libfiona/base/error.h"
#include "libfiona/base/text.h"

#include <algorithm>
#include <cstdint>
#include <optional>

namespace fiona::sftp {

namespace {

// POSIX.1-2017, pax, "ustar Interchange Format": offset and length of the fields we read.
constexpr std::size_t block = 512;
struct FieldPlace {
    std::size_t offset;
    std::size_t length;
};
constexpr FieldPlace name_place{0, 100};
constexpr FieldPlace size_place{124, 12};
constexpr FieldPlace checksum_place{148, 8};
constexpr FieldPlace type_place{156, 1};
constexpr FieldPlace prefix_place{345, 155};

std::string_view text_at(std::string_view header, FieldPlace place)
{
    const auto field = header.substr(place.offset, place.length);
    return field.substr(0, field.find('\0'));
}

std::optional<std::uint64_t> octal_at(std::string_view header, FieldPlace place)
{
    const auto digits = trimmed(text_at(header, place));
    std::uint64_t value = 0;
    for (const char c : digits) {
        if (c < '0' || c > '7') {
            return std::nullopt;
        }
        value = value * 8 + static_cast<std::uint64_t>(c - '0'); // at most 36 bits
    }
    return digits.empty() ? std::nullopt : std::optional{value};
}

bool has_right_checksum(std::string_view header)
{
    std::uint64_t sum = 0;
    for (std::size_t i = 0; i < block; ++i) {
        const bool is_checksum =
            i >= checksum_place.offset && i < checksum_place.offset + checksum_place.length;
        sum += static_cast<unsigned char>(is_checksum ? ' ' : header[i]);
    }
    return octal_at(header, checksum_place) == sum;
}

/// `LENGTH KEY=VALUE\n` records; the value of `path`, or nothing.
std::optional<std::string> path_of_pax(std::string_view records)
{
    std::optional<std::string> path;
    for (const auto record : split(records, '\n')) {
        constexpr std::string_view key = " path=";
        const auto at = record.find(key);
        if (at != std::string_view::npos && std::ranges::all_of(record.substr(0, at), [](char c) {
                return c >= '0' && c <= '9';
            })) {
            path = record.substr(at + key.size());
        }
    }
    return path;
}

/// The NAME of `NAME.md5sum_server` or `./NAME.md5sum_server`; "" for every other text.
std::string item_of(std::string_view path)
{
    constexpr std::string_view ending = ".md5sum_server";
    if (path.starts_with("./")) {
        path.remove_prefix(2);
    }
    const bool is_plain = std::ranges::all_of(path, [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9')
               || c == '_' || c == '.' || c == '-';
    });
    if (!is_plain || !path.ends_with(ending)) {
        return {};
    }
    return std::string{path.substr(0, path.size() - ending.size())};
}

Error no_archive(std::string_view what)
{
    return Error{Fault::protocol, "the server's list is no tar archive: {}", what};
}

} // namespace

std::string md5_of_line(std::string_view text)
{
    constexpr std::size_t digits = 32;
    auto line = trimmed(text);
    if (line.starts_with('\\')) { // md5sum(1): the name behind it is escaped
        line.remove_prefix(1);
    }
    const auto word = lower_case(line.substr(0, line.find_first_of(" \t\r\n*")));
    const bool is_digest =
        word.size() == digits && word.find_first_not_of("0123456789abcdef") == std::string::npos;
    return is_digest ? word : std::string{};
}

std::map<std::string, std::string, std::less<>> read_server_list(std::string_view archive)
{
    std::map<std::string, std::string, std::less<>> list;
    std::optional<std::string> long_name;
    while (archive.size() >= block) {
        const auto header = archive.substr(0, block);
        if (header.find_first_not_of('\0') == std::string_view::npos) {
            return list; // its end
        }
        const auto size = octal_at(header, size_place);
        if (!size || !has_right_checksum(header)) {
            throw no_archive("a broken header");
        }
        archive.remove_prefix(block);
        if (*size > archive.size()) {
            throw no_archive("it ends too early");
        }
        const auto content = archive.substr(0, *size);
        archive.remove_prefix(
            std::min<std::uint64_t>((*size + block - 1) / block * block, archive.size()));
        const char type = header[type_place.offset];
        if (type == 'L') { // GNU tar: the name of the next entry
            long_name = std::string{content.substr(0, content.find('\0'))};
        } else if (type == 'x') {
            long_name = path_of_pax(content);
        } else if (type == '0' || type == '\0') {
            const auto prefix = text_at(header, prefix_place);
            const auto name = long_name.value_or(fmt::format(
                "{}{}{}", prefix, prefix.empty() ? "" : "/", text_at(header, name_place)));
            const auto item = item_of(name);
            const auto digest = md5_of_line(content);
            if (!item.empty() && !digest.empty()) {
                list.insert_or_assign(item, digest);
            }
            long_name.reset();
        } else {
            long_name.reset();
        }
    }
    if (!archive.empty()) {
        throw no_archive("it ends within a block");
    }
    return list;
}

} // namespace fiona::sftp
