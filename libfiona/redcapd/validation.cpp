// SPDX-License-Identifier: MIT
#include "libfiona/redcapd/validation.h"

#include "libfiona/base/dates.h"
#include "libfiona/base/text.h"

#include <fmt/format.h>

#include <algorithm>

namespace fiona::redcapd {

const std::string_view wrong_format_text =
    "The value you provided could not be validated because it does not follow the expected "
    "format. Please try again.";

namespace {

bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

bool all_digits(std::string_view text)
{
    return !text.empty() && std::ranges::all_of(text, is_digit);
}

std::string_view without_sign(std::string_view text)
{
    if (text.starts_with('-') || text.starts_with('+')) {
        text.remove_prefix(1);
    }
    return text;
}

/// `decimals`: how many there must be; nothing: any number of them, or none.
bool is_number(std::string_view text, std::optional<std::size_t> decimals)
{
    text = without_sign(text);
    const auto point = text.find('.');
    if (point == std::string_view::npos) {
        return !decimals && all_digits(text);
    }
    const auto whole = text.substr(0, point);
    const auto fraction = text.substr(point + 1);
    return (whole.empty() || all_digits(whole)) && all_digits(fraction)
           && (!decimals || fraction.size() == *decimals);
}

/// 'd' in `shape` stands for a digit, anything else for itself.
bool has_shape(std::string_view text, std::string_view shape)
{
    return text.size() == shape.size()
           && std::equal(text.begin(), text.end(), shape.begin(),
                         [](char c, char s) { return s == 'd' ? is_digit(c) : c == s; });
}

bool is_date(std::string_view text)
{
    if (!has_shape(text, "dddd-dd-dd")) {
        return false;
    }
    std::string digits{text};
    std::erase(digits, '-');
    return parse_da(digits).has_value();
}

bool is_time(std::string_view text)
{
    return has_shape(text, "dd:dd") && text.substr(0, 2) < "24" && text.substr(3, 2) < "60";
}

bool is_time_with_seconds(std::string_view text)
{
    return text.size() == 8 && is_time(text.substr(0, 5)) && has_shape(text.substr(5), ":dd")
           && text.substr(6) < "60";
}

bool is_date_and(std::string_view text, bool (*rest_is_good)(std::string_view))
{
    return text.size() > 11 && is_date(text.substr(0, 10)) && text[10] == ' '
           && rest_is_good(text.substr(11));
}

bool is_email(std::string_view text)
{
    const auto at = text.find('@');
    const auto domain = at == std::string_view::npos ? "" : text.substr(at + 1);
    return at != std::string_view::npos && at > 0 && domain.find('@') == std::string_view::npos
           && domain.find('.') != std::string_view::npos && !domain.starts_with('.')
           && !domain.ends_with('.')
           && text.find_first_of(" \t\r\n,;<>\"") == std::string_view::npos;
}

/// Validations that are not in the list are taken as they come: a site may have its own.
bool follows(std::string_view validation, std::string_view text)
{
    if (validation == "integer") {
        return all_digits(without_sign(text));
    }
    if (validation == "number" || validation == "float") {
        return is_number(text, std::nullopt);
    }
    constexpr std::string_view decimals = "number_"; // number_1dp, number_2dp
    if (validation.starts_with(decimals) && validation.size() > decimals.size()
        && is_digit(validation[decimals.size()])
        && validation.substr(decimals.size() + 1) == "dp") {
        return is_number(text, static_cast<std::size_t>(validation[decimals.size()] - '0'));
    }
    // The stored form of a date is year-month-day whatever the validation shows to people.
    if (validation.starts_with("date_") || validation == "date") {
        return is_date(text);
    }
    if (validation.starts_with("datetime_seconds_")) {
        return is_date_and(text, is_time_with_seconds);
    }
    if (validation.starts_with("datetime_")) {
        return is_date_and(text, is_time);
    }
    if (validation == "time") {
        return is_time(text);
    }
    if (validation == "time_hh_mm_ss") {
        return is_time_with_seconds(text);
    }
    if (validation == "email") {
        return is_email(text);
    }
    if (validation == "mrn_11d") {
        return text.size() == 11 && all_digits(text);
    }
    return true;
}

bool is_one_of(std::string_view value, std::string_view codes)
{
    return value.size() == 1 && codes.find(value) != std::string_view::npos;
}

} // namespace

std::optional<std::string> value_problem(const Schema& schema, const Column& column,
                                         std::string_view value)
{
    const auto bad_category = [&](std::string_view name) {
        return fmt::format("The value is not a valid category for {}", name);
    };
    if (!column.field) {
        return is_one_of(value, "012") ? std::nullopt : std::optional{bad_category(column.name)};
    }
    const auto& field = schema.fields[*column.field];
    switch (field.kind) {
    case FieldKind::checkbox:
        if (!is_one_of(value, "01")) {
            return bad_category(column.name);
        }
        return std::nullopt;
    case FieldKind::choice:
        if (std::ranges::find(field.choices, value, &Choice::code) == field.choices.end()) {
            return bad_category(field.name());
        }
        return std::nullopt;
    case FieldKind::file:
        return fmt::format("The field '{}' is a 'file' field and cannot be imported here",
                           field.name());
    case FieldKind::text:
        if (!follows(field.cell(Cell::validation), value)) {
            return std::string{wrong_format_text};
        }
        return std::nullopt;
    case FieldKind::calculated:
    case FieldKind::descriptive: break;
    }
    return std::nullopt;
}

bool is_record_name(std::string_view name)
{
    constexpr std::size_t max_bytes = 100; // REDCap's limit for record names
    return !name.empty() && name.size() <= max_bytes && is_utf8(name) && trimmed(name) == name
           && std::ranges::none_of(
               name, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; });
}

} // namespace fiona::redcapd
