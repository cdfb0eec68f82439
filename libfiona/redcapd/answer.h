// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

/// What goes back over the wire.
namespace fiona::redcapd {

enum class Format { json, csv, xml };

struct Answer {
    int status = 200;
    std::string content_type;
    std::string body;
};

/// The request is refused: HTTP status and REDCap's text. Thrown inside this room only and turned
/// into an answer by Api::handle(). It is no fiona::Error on purpose: REDCap's texts quote what the
/// client sent, and an Error may end in a log.
class Refusal {
public:
    Refusal(int status, std::string text) : m_status{status}, m_text{std::move(text)} {}

    [[nodiscard]] int status() const noexcept { return m_status; }
    [[nodiscard]] const std::string& text() const noexcept { return m_text; }

private:
    int m_status;
    std::string m_text;
};

[[nodiscard]] std::string_view content_type(Format format);
/// The three spellings of an error.
[[nodiscard]] Answer error_answer(int status, std::string_view text, Format format);
/// A bare text or number, whatever the format.
[[nodiscard]] Answer plain_answer(std::string text);
[[nodiscard]] Answer count_answer(std::int64_t count, Format format);
/// A bare number in every format: what imports of a project's parts and deletes answer.
[[nodiscard]] Answer number_answer(std::int64_t number, Format format);

/// A cell with named numbers in it: an object in JSON, `name:1,name:1` in CSV.
using TableParts = std::vector<std::pair<std::string, std::int64_t>>;
/// One cell of a table: text, a number that JSON shows without quotes, null, or parts.
using TableCell = std::variant<std::string, std::int64_t, std::nullptr_t, TableParts>;

/// The elements around a table in XML.
struct XmlNames {
    std::string_view table = "records";
    std::string_view row = "item";
};

/// Rows with named columns, written in the order of the columns. JSON: an array of objects; CSV:
/// a header line, then the rows; XML: `<records><item>...`.
class TableWriter {
public:
    TableWriter(Format format, std::vector<std::string> columns, char delimiter = ',',
                XmlNames names = {});

    void add(const std::vector<TableCell>& row);
    /// Another header line than the column names (CSV only). Call before the first add().
    void set_header(const std::vector<std::string>& titles);
    [[nodiscard]] Answer take();

private:
    void write_header(const std::vector<std::string>& titles);
    void add_csv(const std::vector<TableCell>& row);
    void add_xml(const std::vector<TableCell>& row);
    void add_json(const std::vector<TableCell>& row);

    Format m_format;
    char m_delimiter;
    XmlNames m_names;
    std::vector<std::string> m_columns;
    std::vector<std::string> m_keys; ///< JSON: quoted, with colon
    std::string m_out;
    bool m_empty = true;
};

/// REDCap's list of names in an error: `'x', 'y'`.
[[nodiscard]] std::string quoted_names(const std::vector<std::string>& names);

} // namespace fiona::redcapd
