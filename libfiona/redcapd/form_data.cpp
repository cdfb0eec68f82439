// SPDX-License-Identifier: MIT
#include "libfiona/redcapd/form_data.h"

#include "libfiona/base/digest.h"
#include "libfiona/base/error.h"
#include "libfiona/base/text.h"

#include <fmt/format.h>

#include <algorithm>

namespace fiona::redcapd {

namespace {

constexpr std::size_t max_parameters = 100'000;

int hex_value(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    if (c >= 'a' && c <= 'f') {
        return c - 'a' + 10;
    }
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/// `+` is a blank; a `%` without two hex digits stays as it is.
std::string url_decoded(std::string_view text)
{
    std::string out;
    out.reserve(text.size());
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] == '+') {
            out += ' ';
            continue;
        }
        if (text[i] == '%' && i + 2 < text.size()) {
            const int high = hex_value(text[i + 1]);
            const int low = hex_value(text[i + 2]);
            if (high >= 0 && low >= 0) {
                out += static_cast<char>(high * 16 + low);
                i += 2;
                continue;
            }
        }
        out += text[i];
    }
    return out;
}

bool is_element_of(std::string_view parameter, std::string_view name)
{
    return parameter.size() > name.size() + 1 && parameter.starts_with(name)
           && parameter[name.size()] == '[' && parameter.back() == ']';
}

} // namespace

FormData FormData::parse(std::string_view body)
{
    FormData form;
    while (!body.empty()) {
        const auto end = std::min(body.find('&'), body.size());
        const auto pair = body.substr(0, end);
        body.remove_prefix(std::min(end + 1, body.size()));
        if (pair.empty()) {
            continue;
        }
        const auto equals = std::min(pair.find('='), pair.size());
        form.add(url_decoded(pair.substr(0, equals)),
                 url_decoded(pair.substr(std::min(equals + 1, pair.size()))));
    }
    return form;
}

void FormData::add(std::string name, std::string value)
{
    if (m_parameters.size() >= max_parameters) {
        throw Error{Fault::data, "request has more than {} parameters", max_parameters};
    }
    m_parameters.emplace_back(std::move(name), std::move(value));
}

void FormData::add_file(const std::string& name, UploadedFile file)
{
    add(name, "");
    m_file = std::move(file);
}

std::string FormData::digest() const
{
    Sha256 sum;
    const auto count = [&](std::string_view text) {
        sum.add(fmt::format("{}:", text.size())); // so that no two lists look alike
        sum.add(text);
    };
    for (const auto& [name, value] : m_parameters) {
        count(name);
        count(value);
    }
    if (m_file) {
        count(m_file->name);
        count(m_file->bytes);
    }
    const auto digest = sum.finish();
    return to_hex(digest);
}

const std::string& FormData::text(std::string_view name) const
{
    static const std::string none;
    const auto* found = &none;
    for (const auto& [key, value] : m_parameters) {
        if (key == name) {
            found = &value;
        }
    }
    return *found;
}

bool FormData::has(std::string_view name) const
{
    return std::ranges::any_of(m_parameters, [&](const auto& p) { return p.first == name; });
}

std::vector<std::string> FormData::list(std::string_view name) const
{
    std::vector<std::string> items;
    for (const auto& [key, value] : m_parameters) {
        if (is_element_of(key, name)) {
            if (!value.empty()) {
                items.push_back(value);
            }
        } else if (key == name) {
            for (const auto part : split(value, ',')) {
                if (!trimmed(part).empty()) {
                    items.emplace_back(trimmed(part));
                }
            }
        }
    }
    return items;
}

bool FormData::flag(std::string_view name) const
{
    const auto& value = text(name);
    return value == "true" || value == "True" || value == "1";
}

} // namespace fiona::redcapd
