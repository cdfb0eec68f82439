// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/base/json.h"
#include "libfiona/inventory/enumeration.h"

#include <string>
#include <string_view>

namespace fiona::inventory {

/// Lines for the next tool of a pipeline, written in large pieces.
class LineWriter {
public:
    explicit LineWriter(int fd) : m_fd{fd} {} ///< borrowed

    /// Throws os_error() if nobody reads any more.
    void add(std::string_view line);
    void flush();

private:
    int m_fd;
    std::string m_buffer;
};

/// For --json: the numbers of a list, and what is missing in it.
[[nodiscard]] json::Object as_object(const Coverage& coverage);
/// Throws Error{Fault::protocol} if the list has gaps.
void require_whole(const Coverage& coverage);

} // namespace fiona::inventory
