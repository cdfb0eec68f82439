// SPDX-License-Identifier: MIT
#include "libfiona/base/json.h"

#include "libfiona/base/error.h"
#include "libfiona/base/text.h"

#define RAPIDJSON_HAS_STDSTRING 1 // NOLINT(cppcoreguidelines-macro-usage) RapidJSON's own switch
#include <fmt/format.h>
#include <rapidjson/error/en.h>
#include <rapidjson/memorystream.h>
#include <rapidjson/reader.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <iterator>
#include <utility>

namespace fiona::json {

namespace {

/// Builds the value bottom-up on a stack of its own, so that depth costs heap, not call stack.
class Builder : public rapidjson::BaseReaderHandler<rapidjson::UTF8<>, Builder> {
public:
    explicit Builder(std::size_t max_depth) : m_max_depth{max_depth} {}

    bool Null() { return add(Value{}); }
    bool Bool(bool value) { return add(Value{value}); }
    /// RapidJSON 1.1 has undefined behaviour in its own exact conversion: the digits are ours.
    bool RawNumber(const char* text, rapidjson::SizeType length, bool /*copy*/)
    {
        const std::string_view digits{text, length};
        const auto* const last = text + length;
        std::int64_t integer = 0;
        if (digits.find_first_of(".eE") == std::string_view::npos
            && std::from_chars(text, last, integer).ec == std::errc{}) {
            return add(Value{integer});
        }
        double number = 0;
        if (std::from_chars(text, last, number).ec != std::errc{}) {
            m_complaint = "a number out of range";
            return false;
        }
        return add(Value{number});
    }
    bool String(const char* text, rapidjson::SizeType length, bool /*copy*/)
    {
        return is_whole({text, length}) && add(Value{std::string{text, length}});
    }
    bool Key(const char* text, rapidjson::SizeType length, bool /*copy*/)
    {
        m_keys.back().assign(text, length);
        return is_whole(m_keys.back());
    }
    bool StartObject() { return open(Value{Object{}}); }
    bool StartArray() { return open(Value{Array{}}); }
    bool EndObject(rapidjson::SizeType /*count*/) { return close(); }
    bool EndArray(rapidjson::SizeType /*count*/) { return close(); }

    [[nodiscard]] Value take() { return std::move(m_result); }
    [[nodiscard]] std::string_view complaint() const { return m_complaint; }

private:
    /// RapidJSON 1.1 takes the second half of a surrogate pair alone and makes bytes of it that are
    /// no UTF-8.
    bool is_whole(std::string_view text)
    {
        if (!is_utf8(text)) {
            m_complaint = "half of a surrogate pair";
        }
        return m_complaint.empty();
    }

    bool open(Value container)
    {
        if (m_open.size() >= m_max_depth) {
            m_complaint = "nested too deeply";
            return false;
        }
        m_open.push_back(std::move(container));
        m_keys.emplace_back();
        return true;
    }

    bool close()
    {
        auto finished = std::move(m_open.back());
        m_open.pop_back();
        m_keys.pop_back();
        return add(std::move(finished));
    }

    bool add(Value value)
    {
        if (m_open.empty()) {
            m_result = std::move(value);
        } else if (m_open.back().is_array()) {
            m_open.back().array().push_back(std::move(value));
        } else {
            m_open.back().object().insert_or_assign(m_keys.back(), std::move(value));
        }
        return true;
    }

    std::size_t m_max_depth;
    std::vector<Value> m_open;
    std::vector<std::string> m_keys; ///< the pending key of each open container
    Value m_result;
    std::string_view m_complaint; ///< why we stopped the parser
};

[[noreturn]] void wrong_kind(std::string_view wanted)
{
    throw Error{Fault::data, "JSON value is not {}", wanted};
}

void append_unicode(std::string& out, std::uint32_t code)
{
    if (code >= 0x10000) {
        code -= 0x10000;
        fmt::format_to(std::back_inserter(out), "\\u{:04x}\\u{:04x}", 0xd800U + (code >> 10U),
                       0xdc00U + (code & 0x3ffU));
    } else {
        fmt::format_to(std::back_inserter(out), "\\u{:04x}", code);
    }
}

void append_string(std::string& out, std::string_view text)
{
    using Stream = rapidjson::MemoryStream;
    out += '"';
    for (std::size_t at = 0; at < text.size();) {
        const auto c = text[at];
        const auto byte = static_cast<unsigned char>(c);
        if (byte >= 0x80) {
            Stream stream{text.data() + at, text.size() - at};
            unsigned code = 0;
            if (rapidjson::UTF8<>::Decode(stream, &code) && stream.Tell() <= text.size() - at) {
                append_unicode(out, code);
                at += stream.Tell();
            } else {
                out += "\\ufffd";
                ++at;
            }
            continue;
        }
        switch (c) {
        case '"': out += "\\\""; break;
        case '\\': out += "\\\\"; break;
        case '\b': out += "\\b"; break;
        case '\f': out += "\\f"; break;
        case '\n': out += "\\n"; break;
        case '\r': out += "\\r"; break;
        case '\t': out += "\\t"; break;
        default:
            if (byte < 0x20 || byte == 0x7f) {
                append_unicode(out, byte);
            } else {
                out += c;
            }
        }
        ++at;
    }
    out += '"';
}

std::string number_text(double value)
{
    // JSON has no infinity; null is what browsers write.
    return std::isfinite(value) ? fmt::format("{}", value) : "null";
}

class Writer {
public:
    explicit Writer(Style style) : m_style{style} {}

    void write(const Value& value, std::size_t depth)
    {
        if (value.is_array()) {
            write_all(value.array(), '[', ']', depth,
                      [&](const Value& item) { write(item, depth + 1); });
        } else if (value.is_object()) {
            write_all(value.object(), '{', '}', depth, [&](const auto& member) {
                append_string(m_out, member.first);
                m_out += m_style == Style::pretty ? ": " : ":";
                write(member.second, depth + 1);
            });
        } else if (value.is_string()) {
            append_string(m_out, value.string());
        } else if (value.is_null()) {
            m_out += "null";
        } else {
            m_out += value.text();
            write_fraction(value);
        }
    }

    [[nodiscard]] std::string take() { return std::move(m_out); }

private:
    template <typename Items, typename WriteItem>
    void write_all(const Items& items, char open, char close, std::size_t depth,
                   const WriteItem& write_item)
    {
        m_out += open;
        bool first = true;
        for (const auto& item : items) {
            if (!first) {
                m_out += ',';
            }
            first = false;
            new_line(depth + 1);
            write_item(item);
        }
        if (!first) {
            new_line(depth);
        }
        m_out += close;
    }

    /// 1.0 stays a number with a fraction, so that it is read back as what it was.
    void write_fraction(const Value& value)
    {
        if (value.is_number() && !value.is_integer() && std::isfinite(value.number())
            && value.text().find_first_of(".e") == std::string::npos) {
            m_out += ".0";
        }
    }

    void new_line(std::size_t depth)
    {
        if (m_style == Style::pretty) {
            m_out += '\n';
            m_out.append(depth * 2, ' ');
        }
    }

    Style m_style;
    std::string m_out;
};

[[noreturn]] void refuse(std::string_view text, std::string_view what, std::size_t offset,
                         std::string_view reason)
{
    const auto before = text.substr(0, std::min(offset, text.size()));
    const auto line = 1 + std::ranges::count(before, '\n');
    const auto column = before.size() - (before.rfind('\n') + 1) + 1;
    throw Error{Fault::data, "{}: line {}, column {}: not JSON: {}", what, line, column, reason};
}

} // namespace

bool Value::boolean() const
{
    if (!is_bool()) {
        wrong_kind("a boolean");
    }
    return std::get<bool>(m_data);
}

std::int64_t Value::integer() const
{
    if (!is_integer()) {
        wrong_kind("an integer");
    }
    return std::get<std::int64_t>(m_data);
}

double Value::number() const
{
    if (is_integer()) {
        return static_cast<double>(integer());
    }
    if (!is_number()) {
        wrong_kind("a number");
    }
    return std::get<double>(m_data);
}

const std::string& Value::string() const
{
    if (!is_string()) {
        wrong_kind("a string");
    }
    return std::get<std::string>(m_data);
}

const Array& Value::array() const
{
    if (!is_array()) {
        wrong_kind("an array");
    }
    return std::get<Array>(m_data);
}

const Object& Value::object() const
{
    if (!is_object()) {
        wrong_kind("an object");
    }
    return std::get<Object>(m_data);
}

Array& Value::array()
{
    if (!is_array()) {
        wrong_kind("an array");
    }
    return std::get<Array>(m_data);
}

Object& Value::object()
{
    if (!is_object()) {
        wrong_kind("an object");
    }
    return std::get<Object>(m_data);
}

const Value* Value::find(std::string_view key) const
{
    if (!is_object()) {
        return nullptr;
    }
    const auto found = object().find(key);
    return found == object().end() ? nullptr : &found->second;
}

std::string Value::text(std::string_view key, std::string_view fallback) const
{
    const auto* const member = find(key);
    if (member == nullptr || member->is_null() || member->is_array() || member->is_object()) {
        return std::string{fallback};
    }
    return member->text();
}

std::string Value::text() const
{
    if (is_string()) {
        return string();
    }
    if (is_bool()) {
        return boolean() ? "true" : "false";
    }
    if (is_integer()) {
        return fmt::format("{}", integer());
    }
    return is_number() ? number_text(number()) : std::string{};
}

Value parse(std::string_view text, std::string_view what, Limits limits)
{
    if (text.size() > limits.max_bytes) {
        throw Error{Fault::data, "{}: {} bytes of JSON, more than the {} allowed", what,
                    text.size(), limits.max_bytes};
    }
    constexpr unsigned flags = rapidjson::kParseIterativeFlag
                               | rapidjson::kParseValidateEncodingFlag
                               | rapidjson::kParseNumbersAsStringsFlag;
    Builder builder{limits.max_depth};
    rapidjson::MemoryStream stream{text.data(), text.size()};
    rapidjson::Reader reader;
    const auto result = reader.Parse<flags>(stream, builder);
    if (result.IsError()) {
        refuse(text, what, result.Offset(),
               result.Code() == rapidjson::kParseErrorTermination
                   ? builder.complaint()
                   : rapidjson::GetParseError_En(result.Code()));
    }
    if (stream.Tell() != text.size()) { // RapidJSON takes a NUL for the end
        refuse(text, what, stream.Tell(), "a NUL byte");
    }
    return builder.take();
}

std::string write(const Value& value, Style style)
{
    Writer writer{style};
    writer.write(value, 0);
    return writer.take();
}

std::string quoted(std::string_view text)
{
    std::string out;
    append_string(out, text);
    return out;
}

} // namespace fiona::json
