// SPDX-License-Identifier: MIT
#include "libfiona/redcapd/answer.h"

#include "libfiona/base/csv.h"
#include "libfiona/base/json.h"

#include <fmt/format.h>

namespace fiona::redcapd {

namespace {

std::string xml_escaped(std::string_view text)
{
    std::string out;
    for (const char c : text) {
        switch (c) {
        case '&': out += "&amp;"; break;
        case '<': out += "&lt;"; break;
        case '>': out += "&gt;"; break;
        default: out += c;
        }
    }
    return out;
}

std::string text_of(const TableCell& cell)
{
    if (const auto* const number = std::get_if<std::int64_t>(&cell)) {
        return fmt::format("{}", *number);
    }
    const auto* const text = std::get_if<std::string>(&cell);
    return text == nullptr ? std::string{} : *text;
}

std::string json_of(const TableCell& cell)
{
    if (std::holds_alternative<std::nullptr_t>(cell)) {
        return "null";
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
        body =
            fmt::format(R"(<?xml version="1.0" encoding="UTF-8" ?><hash><error>{}</error></hash>)",
                        xml_escaped(text));
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
    case Format::xml:
        body = fmt::format(R"(<?xml version="1.0" encoding="UTF-8" ?><count>{}</count>)", count);
        break;
    }
    return {200, std::string{content_type(format)}, std::move(body)};
}

TableWriter::TableWriter(Format format, std::vector<std::string> columns, char delimiter)
    : m_format{format}, m_delimiter{delimiter}, m_columns{std::move(columns)}
{
    if (m_format == Format::json) {
        m_out = "[";
        for (const auto& column : m_columns) {
            m_keys.push_back(json::quoted(column) + ":");
        }
    } else {
        write_header(m_columns);
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
    if (m_format == Format::csv) {
        for (std::size_t i = 0; i < row.size(); ++i) {
            m_out.append(i == 0 ? 0 : 1, m_delimiter);
            m_out += csv::quoted(text_of(row[i]), m_delimiter);
        }
        m_out += '\n';
        return;
    }
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
