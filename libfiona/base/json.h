// SPDX-License-Identifier: MIT
#pragma once

#include <concepts>
#include <cstdint>
#include <initializer_list>
#include <map>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

/// JSON as plain values. Reading is iterative and bounded (strangers send it); writing is
/// deterministic: keys sorted, two blanks of indentation, so equal content is equal bytes.
namespace fiona::json {

class Value;
using Array = std::vector<Value>;
using Object = std::map<std::string, Value, std::less<>>;

class Value {
public:
    Value() = default; ///< null
    Value(std::nullptr_t) {}
    Value(bool value) : m_data{value} {}
    /// What does not fit into 64 bits with a sign becomes a double.
    template <std::integral T>
    Value(T value)
    {
        if (std::in_range<std::int64_t>(value)) {
            m_data = static_cast<std::int64_t>(value);
        } else {
            m_data = static_cast<double>(value);
        }
    }
    Value(double value) : m_data{value} {}
    Value(std::string value) : m_data{std::move(value)} {}
    Value(std::string_view value) : m_data{std::string{value}} {}
    Value(const char* value) : m_data{std::string{value}} {}
    Value(Array value) : m_data{std::move(value)} {}
    Value(Object value) : m_data{std::move(value)} {}

    [[nodiscard]] bool is_null() const { return holds<std::nullptr_t>(); }
    [[nodiscard]] bool is_bool() const { return holds<bool>(); }
    [[nodiscard]] bool is_integer() const { return holds<std::int64_t>(); }
    [[nodiscard]] bool is_number() const { return holds<std::int64_t>() || holds<double>(); }
    [[nodiscard]] bool is_string() const { return holds<std::string>(); }
    [[nodiscard]] bool is_array() const { return holds<Array>(); }
    [[nodiscard]] bool is_object() const { return holds<Object>(); }

    /// These throw Error{Fault::data} when the value is of another kind.
    [[nodiscard]] bool boolean() const;
    [[nodiscard]] std::int64_t integer() const;
    [[nodiscard]] double number() const;
    [[nodiscard]] const std::string& string() const;
    [[nodiscard]] const Array& array() const;
    [[nodiscard]] const Object& object() const;
    [[nodiscard]] Array& array();
    [[nodiscard]] Object& object();

    /// The member of that name; nullptr if there is none, or if this is no object.
    [[nodiscard]] const Value* find(std::string_view key) const;
    /// The member as text: strings as they are, numbers and booleans written out; `fallback` if
    /// it is absent, null, an array or an object.
    [[nodiscard]] std::string text(std::string_view key, std::string_view fallback = {}) const;
    /// This value itself as text, by the same rule ("" for null, arrays and objects).
    [[nodiscard]] std::string text() const;

    friend bool operator==(const Value&, const Value&) = default;

private:
    template <typename T>
    [[nodiscard]] bool holds() const
    {
        return std::holds_alternative<T>(m_data);
    }

    std::variant<std::nullptr_t, bool, std::int64_t, double, std::string, Array, Object> m_data;
};

struct Limits {
    std::size_t max_bytes = std::size_t{64} << 20U;
    std::size_t max_depth = 100;
};

/// Throws Error{Fault::data} naming `what`, the line and the column, never the content.
[[nodiscard]] Value parse(std::string_view text, std::string_view what, Limits limits = {});

enum class Style {
    compact, ///< one line, no blanks
    pretty,  ///< as Python's json.dump(indent=2, sort_keys=True); ends without a line break
};
/// Everything outside ASCII becomes \uXXXX; bytes that are not UTF-8 become U+FFFD.
[[nodiscard]] std::string write(const Value& value, Style style = Style::compact);
/// One JSON string with its quotes, escaped as write() does.
[[nodiscard]] std::string quoted(std::string_view text);

} // namespace fiona::json
