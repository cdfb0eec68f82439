// SPDX-License-Identifier: MIT
#include "libfiona/redcapd/data_rows.h"

#include "libfiona/base/csv.h"
#include "libfiona/base/error.h"
#include "libfiona/base/json.h"
#include "libfiona/base/text.h"
#include "libfiona/redcapd/xml.h"

#include <fmt/format.h>

#include <algorithm>

namespace fiona::redcapd {

namespace {

constexpr std::size_t max_depth = 8; // of JSON and XML: rows, columns, parts

Refusal badly_shaped(std::string_view reason)
{
    return Refusal{400,
                   fmt::format("The data being imported is not formatted correctly: {}", reason)};
}

Refusal unreadable(const Error& problem)
{
    return Refusal{
        406, fmt::format("The data being imported is not formatted correctly: {}", problem.what())};
}

std::string scalar_text(const json::Value& value)
{
    return value.is_bool() ? (value.boolean() ? "1" : "") : value.text(); // as PHP writes them
}

std::string json_text(const json::Value& value, Parts parts)
{
    if (!value.is_array() && !value.is_object()) {
        return scalar_text(value);
    }
    if (parts == Parts::refuse) {
        throw badly_shaped("a value is an array or an object");
    }
    std::string joined;
    if (value.is_object()) {
        for (const auto& [key, part] : value.object()) {
            joined += fmt::format("{}{}:{}", joined.empty() ? "" : ",", key, scalar_text(part));
        }
    }
    return joined;
}

DataRow json_row(const json::Value& item, Parts parts)
{
    if (!item.is_object()) {
        throw badly_shaped("it must be an array of objects");
    }
    DataRow row;
    for (const auto& [key, value] : item.object()) {
        row.emplace(key, json_text(value, parts));
    }
    return row;
}

json::Value json_document(std::string_view text)
{
    try {
        return json::parse(text, "data", {.max_bytes = text.size(), .max_depth = max_depth});
    } catch (const Error& e) {
        throw unreadable(e);
    }
}

std::vector<DataRow> json_rows(const json::Value& document, Parts parts)
{
    if (!document.is_array()) {
        throw badly_shaped("it must be an array of objects");
    }
    std::vector<DataRow> rows;
    rows.reserve(document.array().size());
    for (const auto& item : document.array()) {
        rows.push_back(json_row(item, parts));
    }
    return rows;
}

std::vector<DataRow> csv_rows(std::string_view text, char delimiter)
{
    csv::Rows cells;
    try {
        cells = csv::parse(text, delimiter, "data");
    } catch (const Error& e) {
        throw unreadable(e);
    }
    std::vector<DataRow> rows;
    for (std::size_t i = 1; i < cells.size(); ++i) {
        if (cells[i].size() != cells[0].size()) {
            throw badly_shaped(fmt::format("row {} has {} cells, the header {}", i, cells[i].size(),
                                           cells[0].size()));
        }
        DataRow row;
        for (std::size_t cell = 0; cell < cells[i].size(); ++cell) {
            if (!row.emplace(cells[0][cell], cells[i][cell]).second) {
                throw badly_shaped("two columns have one name");
            }
        }
        rows.push_back(std::move(row));
    }
    return rows;
}

std::string xml_text(const xml::Element& element, Parts parts)
{
    if (element.children.empty()) {
        return element.text;
    }
    if (parts == Parts::refuse) {
        throw badly_shaped("a value has elements in it");
    }
    std::string joined;
    for (const auto& part : element.children) {
        joined += fmt::format("{}{}:{}", joined.empty() ? "" : ",", part.name, part.text);
    }
    return joined;
}

DataRow xml_row(const xml::Element& item, Parts parts)
{
    DataRow row;
    for (const auto& value : item.children) {
        if (!row.emplace(value.name, xml_text(value, parts)).second) {
            throw badly_shaped("a row has one element twice");
        }
    }
    return row;
}

std::vector<DataRow> xml_rows(std::string_view text, Parts parts)
{
    xml::Element root;
    try {
        root = xml::parse(trimmed(text), "data", {.max_depth = max_depth});
    } catch (const Error& e) {
        throw unreadable(e);
    }
    const bool is_one_row =
        !root.children.empty()
        && (root.name == "item" || std::ranges::all_of(root.children, [](const auto& child) {
                return child.children.empty() && child.name != "item";
            }));
    std::vector<DataRow> rows;
    if (is_one_row) {
        rows.push_back(xml_row(root, parts));
        return rows;
    }
    for (const auto& item : root.children) {
        rows.push_back(xml_row(item, parts));
    }
    return rows;
}

} // namespace

std::vector<DataRow> data_rows(std::string_view text, Format format, char delimiter, Parts parts)
{
    switch (format) {
    case Format::json: return json_rows(json_document(text), parts);
    case Format::csv: return csv_rows(text, delimiter);
    case Format::xml: break;
    }
    return xml_rows(text, parts);
}

DataRow data_row(std::string_view text, Format format, char delimiter)
{
    if (format == Format::json) {
        const auto document = json_document(text);
        if (document.is_object()) {
            return json_row(document, Parts::refuse);
        }
    }
    auto rows = data_rows(text, format, delimiter);
    if (rows.size() != 1) {
        throw badly_shaped("it must be one object");
    }
    return std::move(rows.front());
}

std::string value_of(const DataRow& row, std::string_view name)
{
    const auto found = row.find(name);
    return found == row.end() ? std::string{} : found->second;
}

} // namespace fiona::redcapd
