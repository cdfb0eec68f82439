// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/base/dates.h"

#include <filesystem>
#include <map>
#include <optional>
#include <string>

namespace fiona::outbox {

/// What is remembered of one item that waits.
struct Entry {
    std::string md5;                   ///< of its data; right for the file of this identity
    std::string identity;              ///< OpenFile::identity
    std::string begun;                 ///< MD5 of what the server's .part is of
    std::string sent;                  ///< MD5 of the data that has its name on the server
    std::optional<TimePoint> uploaded; ///< all its files have their names there
    unsigned attempts = 0;
    TimePoint next_try;
    TimePoint alarmed; ///< when it was last told that it is stuck
    std::string error;

    friend bool operator==(const Entry&, const Entry&) = default;
};
using Entries = std::map<std::string, Entry, std::less<>>;

/// `<outbox>/.state.json`. Only a memory: without it digests are computed again and uploads begin anew.
[[nodiscard]] Entries load_state(const std::filesystem::path& outbox);
/// Durable when it returns.
void save_state(const std::filesystem::path& outbox, const Entries& entries);

} // namespace fiona::outbox
