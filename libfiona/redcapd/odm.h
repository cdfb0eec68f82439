// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/redcapd/data_rows.h"
#include "libfiona/redcapd/record_rows.h"
#include "libfiona/redcapd/schema.h"
#include "libfiona/redcapd/stored_file.h"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
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

/// Most that a request can bring, and most that is read of a file on the disk.
constexpr std::size_t max_odm_request = std::size_t{32} << 20U;
constexpr std::size_t max_odm_file = std::size_t{512} << 20U;

/// Throws Error{Fault::data} naming `what`, and elements, but no value; also above `max_bytes`.
[[nodiscard]] OdmProject read_odm(std::string_view text, std::string_view what,
                                  std::size_t max_bytes = max_odm_request);

/// Writes a document piece by piece.
class OdmWriter {
public:
    /// The file of a record by the value of its field; nothing if there is none.
    using FindFile =
        std::function<std::optional<StoredFile>(std::int64_t record, std::string_view number)>;

    /// `when`: local time as `YYYY-MM-DDTHH:MM:SS`. Without `find_file` no files are written.
    OdmWriter(const Schema& schema, std::string when, FindFile find_file = {});

    /// Once, before the first record.
    void begin_data();
    void add(const StoredRecord& record);
    /// Bytes of the document until now.
    [[nodiscard]] std::size_t size() const { return m_out.size(); }
    [[nodiscard]] std::string take();

private:
    void write_globals();
    void write_events();
    void write_forms();
    void write_fields();
    void write_row(const RowKey& key, const RowValues& values, const StoredRecord& record);
    [[nodiscard]] std::string item(std::size_t column, const std::string& value,
                                   std::int64_t record) const;

    const Schema& m_schema;
    std::string m_when;
    FindFile m_find_file;
    std::string m_out;
    bool m_with_data = false;
};

} // namespace fiona::redcapd
