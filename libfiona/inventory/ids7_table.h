// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/base/dates.h"
#include "libfiona/base/mode.h"
#include "libfiona/pacs/query.h"
#include "libfiona/redcap/client.h"

#include <cstddef>
#include <map>
#include <string>
#include <vector>

namespace fiona::inventory {

struct TableReport {
    std::size_t studies = 0; ///< put in
    std::size_t added = 0;   ///< with Mode::dry_run: would be
    std::size_t changed = 0;
    std::size_t unchanged = 0;
    std::size_t refused = 0; ///< no legal UID, or REDCap refuses the row; the others went through
};

/// The REDCap project WhatIsInIDS7: a row for each study, which a study replaces as a whole (counts
/// are not added up). Only rows that differ are imported; `ids7_date_stamp` says when a row last
/// changed and is not compared. Works in blocks, so memory does not grow with the table.
class Ids7Table {
public:
    Ids7Table(redcap::Client& client, TimePoint now, Mode mode);

    /// Throws what the client throws, but for rows that REDCap refuses.
    void put(const pacs::Keys& study);
    /// What is left of the last block.
    void flush();

    [[nodiscard]] const TableReport& report() const { return m_report; }

private:
    void import(std::vector<redcap::Row> rows);

    redcap::Client& m_client;
    Mode m_mode;
    std::string m_stamp;
    std::map<std::string, redcap::Row> m_block; ///< by study
    TableReport m_report;
};

/// `YYYY-MM-DDTHH:MM:SS.ffffff`, local time: the form of ids7_date_stamp.
[[nodiscard]] std::string local_stamp(TimePoint when);

} // namespace fiona::inventory
