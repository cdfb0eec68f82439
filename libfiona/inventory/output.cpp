// SPDX-License-Identifier: MIT
#include "libfiona/inventory/output.h"

#include "libfiona/base/error.h"
#include "libfiona/base/files.h"

namespace fiona::inventory {

void LineWriter::add(std::string_view line)
{
    constexpr std::size_t piece = 65'536;
    m_buffer += line;
    m_buffer += '\n';
    if (m_buffer.size() >= piece) {
        flush();
    }
}

void LineWriter::flush()
{
    write_all(m_fd, m_buffer, "write the lines");
    m_buffer.clear();
}

json::Object as_object(const Coverage& coverage)
{
    json::Array gaps;
    for (const auto& gap : coverage.gaps) {
        gaps.emplace_back(gap);
    }
    return {{"found", coverage.studies},
            {"queries", coverage.queries},
            {"splits", coverage.splits},
            {"gaps", gaps}};
}

void require_whole(const Coverage& coverage)
{
    if (!coverage.gaps.empty()) {
        throw Error{Fault::protocol, "the list is not complete: {}{}", coverage.gaps.front(),
                    coverage.gaps.size() > 1 ? "; and more, see the log" : ""};
    }
}

} // namespace fiona::inventory
