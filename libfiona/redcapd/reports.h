// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/base/sqlite.h"
#include "libfiona/redcapd/schema.h"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

/// content=report: some fields of the rows that a filter lets pass, under a number. REDCap has pages
/// on which people make them; here the operator does.
namespace fiona::redcapd {

struct Report {
    std::int64_t id = 0; ///< `report_id` of the API; of one project only
    std::string title;
    std::vector<std::string> fields; ///< the record id always comes first
    std::string filter;              ///< filterLogic; "": all rows
};

/// In the order they were made.
[[nodiscard]] std::vector<Report> list_reports(Database& database, std::int64_t project);
/// Stores a report under the next number, which it returns; one that is there just so keeps its
/// number. Throws Error{Fault::data}: another one has the title, the project has no such field, the
/// filter cannot be used on it, or title or filter is not one line. No text holds the filter: it may
/// quote a value.
std::int64_t store_report(Database& database, const Schema& schema, Report report);
/// Throws Error{Fault::missing} if the project has no such report.
void remove_report(Database& database, const Schema& schema, std::int64_t id);

} // namespace fiona::redcapd
