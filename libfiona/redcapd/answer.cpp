// SPDX-License-Identifier: MIT
#include "libfiona/redcapd/answer.h"

#include "libfiona/base/csv.h"
#include "libfiona/base/json.h"
#include "libfiona/redcapd/xml.h"

#include <fmt/format.h>

namespace fiona::redcapd {

namespace {

constexpr std::string_view xml_head = R"(<?xml version="1.0" encoding="UTF-8" ?>)";

std::string text_of(const TableCell& cell)
{
    if (const auto* const number = std::get_if<std::int64_t>(&cell)) {
        return fmt::format("{}", *number);
    }
    if (const auto* const parts = std::get_if<TableParts>(&cell)) {
        std::string joined;
        for (const auto& [name, number] : *parts) {
            joined += fmt::format("{}{}:{}", joined.empty() ? "" : ",", name, number);
        }
        return joined;
    }
    const auto* const text = std::get_if<std::string>(&cell);
    return text == nullptr ? std::string{} : *text;
}

std::string xml_cell(const std::string& name, const TableCell& cell)
{
    const auto* const parts = std::get_if<TableParts>(&cell);
    if (parts == nullptr) {
        return fmt::format("<{0}>{1}</{0}>", name, xml::cdata(text_of(cell)));
    }
    std::string inside;
    for (const auto& [part, number] : *parts) {
        inside += fmt::format("<{0}>{1}</{0}>", part, number);
    }
    return fmt::format("<{0}>{1}</{0}>", name, inside);
}

std::string json_of(const TableCell& cell)
{
    if (std::holds_alternative<std::nullptr_t>(cell)) {
        return "null";
    }
    if (const auto* const parts = std::get_if<TableParts>(&cell)) {
        json::Object object;
        for (const auto& [name, number] : *parts) {
            object.insert_or_assign(name, number);
        }
        return json::write(object);
    }
    const auto* const text = std::get_if<std::string>(&cell);
    return text == nullptr ? text_of(cell) : json::quoted(*text);
}

} // namespace

std::string_view content_type(Format format)
{
    switch (format) {
    case Format::json: return "application/json; charset=utf-8";
    case Format::csv: return "text/csv; charset=utf-8";
    case Format::xml: break;
    }
    return "text/xml; charset=utf-8";
}

Answer error_answer(int status, std::string_view text, Format format)
{
    std::string body;
    switch (format) {
    case Format::json: body = fmt::format(R"({{"error":{}}})", json::quoted(text)); break;
    case Format::csv: body = fmt::format("ERROR: {}", text); break;
    case Format::xml:
        body = fmt::format("{}<hash><error>{}</error></hash>", xml_head, xml::escaped(text));
        break;
    }
    return {status, std::string{content_type(format)}, std::move(body)};
}

Answer plain_answer(std::string text)
{
    return {200, "text/plain; charset=utf-8", std::move(text)};
}

Answer count_answer(std::int64_t count, Format format)
{
    std::string body;
    switch (format) {
    case Format::json: body = fmt::format(R"({{"count":{}}})", count); break;
    case Format::csv: body = fmt::format("{}", count); break;
    case Format::xml: body = fmt::format("{}<count>{}</count>", xml_head, count); break;
    }
    return {200, std::string{content_type(format)}, std::move(body)};
}

Answer number_answer(std::int64_t number, Format format)
{
    return {200, std::string{content_type(format)}, fmt::format("{}", number)};
}

TableWriter::TableWriter(Format format, std::vector<std::string> columns, char delimiter,
                         XmlNames names)
    : m_format{format}, m_delimiter{delimiter}, m_names{names}, m_columns{std::move(columns)}
{
    switch (m_format) {
    case Format::csv: write_header(m_columns); break;
    case Format::xml: m_out = fmt::format("{}<{}>", xml_head, m_names.table); break;
    case Format::json:
        m_out = "[";
        for (const auto& column : m_columns) {
            m_keys.push_back(json::quoted(column) + ":");
        }
        break;
    }
}

void TableWriter::set_header(const std::vector<std::string>& titles)
{
    if (m_format == Format::csv) {
        m_out.clear();
        write_header(titles);
    }
}

void TableWriter::write_header(const std::vector<std::string>& titles)
{
    for (std::size_t i = 0; i < titles.size(); ++i) {
        m_out.append(i == 0 ? 0 : 1, m_delimiter);
        m_out += csv::quoted(titles[i], m_delimiter);
    }
    m_out += '\n';
}

void TableWriter::add(const std::vector<TableCell>& row)
{
    switch (m_format) {
    case Format::csv: add_csv(row); break;
    case Format::xml: add_xml(row); break;
    case Format::json: add_json(row); break;
    }
}

void TableWriter::add_csv(const std::vector<TableCell>& row)
{
    for (std::size_t i = 0; i < row.size(); ++i) {
        m_out.append(i == 0 ? 0 : 1, m_delimiter);
        m_out += csv::quoted(text_of(row[i]), m_delimiter);
    }
    m_out += '\n';
}

void TableWriter::add_xml(const std::vector<TableCell>& row)
{
    m_out += m_names.row.empty() ? "" : fmt::format("<{}>", m_names.row);
    for (std::size_t i = 0; i < row.size(); ++i) {
        m_out += xml_cell(m_columns.at(i), row[i]);
    }
    m_out += m_names.row.empty() ? "" : fmt::format("</{}>", m_names.row);
}

void TableWriter::add_json(const std::vector<TableCell>& row)
{
    m_out += m_empty ? "{" : ",{";
    m_empty = false;
    for (std::size_t i = 0; i < row.size(); ++i) {
        m_out.append(i == 0 ? 0 : 1, ',');
        m_out += m_keys.at(i);
        m_out += json_of(row[i]);
    }
    m_out += '}';
}

Answer TableWriter::take()
{
    if (m_format == Format::json) {
        m_out += ']';
    } else if (m_format == Format::xml) {
        m_out += fmt::format("</{}>", m_names.table);
    }
    return {200, std::string{content_type(m_format)}, std::move(m_out)};
}

std::string quoted_names(const std::vector<std::string>& names)
{
    std::string out;
    for (const auto& name : names) {
        out += fmt::format("{}'{}'", out.empty() ? "" : ", ", name);
    }
    return out;
}

} // namespace fiona::redcapd
