// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/redcapd/data_rows.h"
#include "libfiona/redcapd/record_rows.h"
#include "libfiona/redcapd/schema.h"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

/// CDISC ODM 1.3.1 with REDCap's extensions: a project in one XML file.
namespace fiona::redcapd {

/// A file of the document; its place is told as in a flat row.
struct OdmFile {
    DataRow place; ///< record id, redcap_event_name, redcap_repeat_instrument and -instance
    std::string field;
    std::string name;
    std::string bytes;
};

struct OdmProject {
    Schema schema;             ///< its title is the StudyName; not in a database yet
    std::vector<DataRow> rows; ///< flat, as an import takes them; calculated values are left out
    std::vector<OdmFile> files;
};

/// Throws Error{Fault::data} naming `what`, and elements, but no value.
[[nodiscard]] OdmProject read_odm(std::string_view text, std::string_view what);

/// Writes a document piece by piece.
class OdmWriter {
public:
    /// `when`: local time as `YYYY-MM-DDTHH:MM:SS`.
    OdmWriter(const Schema& schema, std::string when);

    /// Once, before the first record.
    void begin_data();
    void add(const StoredRecord& record);
    [[nodiscard]] std::string take();

private:
    void write_globals();
    void write_events();
    void write_forms();
    void write_fields();
    void write_row(const RowKey& key, const RowValues& values, const std::string& record);

    const Schema& m_schema;
    std::string m_when;
    std::string m_out;
    bool m_with_data = false;
};

} // namespace fiona::redcapd
