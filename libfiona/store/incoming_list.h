// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/base/ids.h"

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace fiona::store {

/// One line of Assign/incoming.txt: blank-separated, each field percent-encoded,
/// `<epoch> <caller> <called> <host> <StudyUID> <series> <modalities> [unknown fields kept]`.
struct IncomingLine {
    std::int64_t arrived = 0; ///< seconds since 1970, UTC
    std::string caller, called, host;
    StudyUid study;
    unsigned series = 0;
    std::string modalities; ///< comma-joined
    std::string rest;       ///< unknown extra fields, as they were
};

/// The list of studies that wait to be assigned. All writers hold `incoming.txt.lock` and replace
/// the file by rename with its old mode; a line that cannot be read is kept as it is.
class IncomingList {
public:
    explicit IncomingList(std::filesystem::path file);

    /// One line per study: replaces the study's line or adds one.
    void put(const IncomingLine& line) const;
    /// Readable lines, in file order. The StudyUID is also found behind `scp_` (old writers).
    [[nodiscard]] std::vector<IncomingLine> lines() const;

private:
    std::filesystem::path m_file;
};

} // namespace fiona::store
