// SPDX-License-Identifier: MIT
#include "libfiona/redcap/answers.h"

#include "libfiona/base/error.h"
#include "libfiona/base/number.h"
#include "libfiona/base/text.h"

#include <algorithm>
#include <array>
#include <optional>
#include <utility>
#include <vector>

namespace fiona::redcap {

namespace {

constexpr std::string_view redacted = "***";
constexpr std::size_t max_text = 400;

void replace_all(std::string& text, std::string_view what, std::string_view with)
{
    if (what.empty()) {
        return;
    }
    for (auto at = text.find(what); at != std::string::npos;
         at = text.find(what, at + with.size())) {
        text.replace(at, what.size(), with);
    }
}

bool is_field_name(std::string_view text)
{
    return !text.empty() && text.size() <= 100 && std::ranges::all_of(text, [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
    });
}

/// Texts whose lists name fields, forms or events of the project, never values of a record.
bool lists_only_names(std::string_view text)
{
    constexpr std::array<std::string_view, 6> beginnings{
        "The following values in the parameter \"fields\" are not valid:",
        "The following values in the parameter \"forms\" are not valid:",
        "The following values in the parameter \"events\" are not valid:",
        "The following fields were not found in the project as real data fields:",
        "The following values of redcap_event_name are invalid:",
        "The value of the parameter \"content\" is not valid",
    };
    return std::ranges::any_of(beginnings, [&](auto known) { return text.starts_with(known); });
}

bool is_schema_mismatch(std::string_view text)
{
    return lists_only_names(text)
           && text.find("redcap_event_name are invalid") == std::string::npos;
}

/// Quoted text may be a value; `('field_name')`, as REDCap quotes fields, may stay.
std::string without_quoted(std::string_view text)
{
    std::string result;
    while (!text.empty()) {
        const auto open = text.find_first_of("'\"");
        result += text.substr(0, open);
        if (open == std::string_view::npos) {
            break;
        }
        const auto close = text.find(text[open], open + 1);
        const auto inside = close == std::string_view::npos
                                ? text.substr(open + 1)
                                : text.substr(open + 1, close - open - 1);
        const bool is_name = open > 0 && text[open - 1] == '(' && is_field_name(inside);
        result += is_name ? inside : redacted;
        text.remove_prefix(close == std::string_view::npos ? text.size() : close + 1);
    }
    return result;
}

/// The fields of one line of comma-separated quoted texts (RFC 4180), taken off `text`; nothing if
/// it does not look like one.
std::optional<std::vector<std::string>> take_quoted_line(std::string_view& text)
{
    std::vector<std::string> fields;
    while (text.starts_with('"')) {
        std::string field;
        std::size_t at = 1;
        for (;; ++at) {
            const auto quote = text.find('"', at);
            if (quote == std::string_view::npos) {
                return std::nullopt;
            }
            field += text.substr(at, quote - at);
            at = quote + 1;
            if (at >= text.size() || text[at] != '"') {
                break;
            }
            field += '"';
        }
        fields.push_back(std::move(field));
        text.remove_prefix(at);
        if (!text.starts_with(',')) {
            break;
        }
        text.remove_prefix(1);
    }
    const auto blank = text.find_first_not_of("\r\n");
    if (fields.empty() || blank == 0) {
        return std::nullopt;
    }
    text.remove_prefix(std::min(blank, text.size()));
    return fields;
}

/// `"<record>","<field>","<value>","<message>"`, one line per refused value. A value with quotes in
/// it can shift the columns; then nothing of that line is repeated.
std::string without_values(std::string_view text)
{
    std::string result;
    while (!text.empty()) {
        const auto fields = take_quoted_line(text);
        result += result.empty() ? "" : "; ";
        if (!fields) {
            return result + "a value was refused";
        }
        if (fields->size() != 4 || !is_field_name((*fields)[1])) {
            result += "a value was refused";
            continue;
        }
        auto message = without_quoted((*fields)[3]);
        for (const auto& sent : {(*fields)[0], (*fields)[2]}) {
            if (sent.size() >= 3) {
                replace_all(message, sent, redacted);
            }
        }
        result += fmt::format("{}: {}", (*fields)[1], message);
    }
    return result;
}

/// The text of an error in the three formats REDCap may use whatever was asked for.
std::string error_text(std::string_view body)
{
    const auto text = trimmed(body);
    constexpr std::string_view csv = "ERROR: ";
    if (text.starts_with(csv)) {
        return std::string{text.substr(csv.size())};
    }
    constexpr std::string_view open = "<error>";
    if (text.starts_with("<?xml")) {
        const auto from = text.find(open);
        const auto to = text.find("</error>");
        if (from != std::string_view::npos && to != std::string_view::npos && to > from) {
            return std::string{text.substr(from + open.size(), to - from - open.size())};
        }
    }
    if (text.starts_with('{')) {
        try {
            return json::parse(text, "REDCap's error").text("error");
        } catch (const Error&) {
            return {}; // half an error says no less than none
        }
    }
    return {};
}

[[noreturn]] void refuse(const Answer& answer, const Private<std::string>& token)
{
    const auto raw = error_text(answer.body);
    const auto text = raw.empty() ? std::string{"no reason given"} : harmless_text(raw, token);
    switch (answer.status) {
    case 400:
        throw Error{is_schema_mismatch(raw) ? Fault::config : Fault::data, "REDCap refused: {}",
                    text};
    case 401:
    case 403:
        throw Error{Fault::permission, "REDCap refused the token ({}): {}", answer.status, text};
    case 408:
    case 429:
    case 500:
    case 502:
    case 503:
    case 504: throw Error{Fault::temporary, "REDCap is not ready ({}): {}", answer.status, text};
    default: break;
    }
    const bool moved = answer.status >= 300 && answer.status < 400;
    throw Error{Fault::protocol, "REDCap answered with status {} ({}): is REDCAP.url right?",
                answer.status, moved ? "a redirect, which is not followed" : text};
}

json::Value parse_json(const std::string& body)
{
    try {
        return json::parse(body, "REDCap's answer");
    } catch (const Error& e) {
        throw Error{Fault::temporary, "{}", e.what()};
    }
}

} // namespace

std::string harmless_text(std::string_view error_text, const Private<std::string>& token)
{
    std::string result;
    if (lists_only_names(error_text)) {
        result = error_text;
    } else if (error_text.starts_with('"')) {
        result = without_values(error_text);
    } else {
        // After a colon REDCap repeats what it was sent.
        result = without_quoted(error_text.substr(0, error_text.find(": ")));
    }
    replace_all(result, token.reveal(), redacted);
    std::ranges::replace_if(
        result, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }, ' ');
    if (result.size() > max_text) {
        result = result.substr(0, max_text) + "...";
    }
    return result;
}

Verdict check_answer(const Answer& answer, const Private<std::string>& token)
{
    const auto body = trimmed(answer.body);
    const bool is_list = body.starts_with('[');
    if (answer.status == 413
        || (!is_list && body.find("ran out of server memory") != std::string_view::npos)) {
        return Verdict::too_large;
    }
    if (answer.status != 200) {
        refuse(answer, token);
    }
    if (body.starts_with('<')) {
        throw Error{Fault::temporary, "REDCap answered with a web page instead of data"};
    }
    if (body.starts_with('{')) {
        const auto text = error_text(body);
        if (!text.empty()) {
            throw Error{Fault::temporary, "REDCap reports an error: {}",
                        harmless_text(text, token)};
        }
    }
    return Verdict::good;
}

json::Array answered_list(const std::string& body)
{
    auto value = parse_json(body);
    if (!value.is_array()) {
        throw Error{Fault::temporary, "REDCap answered with something that is no list"};
    }
    return std::move(value.array());
}

std::size_t answered_count(const std::string& body)
{
    const auto value = parse_json(body);
    const auto text = value.is_object() ? value.text("count") : value.text();
    const auto count = read_number<std::size_t>(trimmed(text));
    if (!count) {
        throw Error{Fault::temporary, "REDCap answered with something that is no count"};
    }
    return *count;
}

std::string deleted_record(const json::Value& entry)
{
    auto record = entry.text("record");
    if (record.empty()) {
        const auto action = entry.text("action");
        const auto blank = action.rfind(' ');
        record = blank == std::string::npos ? "" : action.substr(blank + 1);
    }
    return record;
}

} // namespace fiona::redcap
