// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

/// What must never be seen again after de-identification: kind ("patient name") -> values, UTF-8.
using Identity = std::map<std::string, std::vector<std::string>>;

/// One finding. It names the kind, never the value: reports of it may be shown to anybody.
struct Leak {
    enum class Place { content, file_name, link_target } place = Place::content;
    std::filesystem::path file;
    std::string kind;
    std::uint64_t offset = 0; ///< of the last byte of the value, in the file or in the name

    friend bool operator==(const Leak&, const Leak&) = default;
};

/// Every value of `identity` found in the bytes of any regular file below `roots` (a root may be a
/// file), in the names below the roots, and in the targets of symbolic links, which are not
/// followed. Values are looked for in UTF-8, Latin-1 and UTF-16 of both byte orders, as they are
/// and in upper and lower case; ASCII letters in any mixture of cases. One Leak per file and kind.
/// A number within a UID made of a hash (`2.25.` and digits only) is chance and no leak.
/// Memory does not grow with the files. Throws std::runtime_error if something cannot be read, or
/// if a value is shorter than four bytes: it would be found by chance everywhere.
[[nodiscard]] std::vector<Leak> leak_scan(const std::vector<std::filesystem::path>& roots,
                                          const Identity& identity);

/// JSON: an object of arrays of strings.
[[nodiscard]] Identity read_identity(const std::filesystem::path& file);
[[nodiscard]] std::string identity_json(const Identity& identity);
/// All values of both.
[[nodiscard]] Identity merged(Identity one, const Identity& other);

/// `<file>: patient name`; a name that holds a value is not shown, its directory is.
[[nodiscard]] std::string describe(const Leak& leak);
