// SPDX-License-Identifier: MIT
#include "libfiona/redcap/form.h"

#include <fmt/format.h>

namespace fiona::redcap {

void Form::append(std::string_view text)
{
    constexpr std::string_view hex = "0123456789ABCDEF";
    for (const char c : text) {
        const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')
                           || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.'
                           || c == '~';
        if (plain) {
            m_body += c;
            continue;
        }
        const auto byte = static_cast<unsigned char>(c);
        m_body += '%';
        m_body += hex[byte >> 4U];
        m_body += hex[byte & 0xfU];
    }
}

Form& Form::set(std::string_view name, std::string_view value)
{
    if (!m_body.empty()) {
        m_body += '&';
    }
    append(name);
    m_body += '=';
    append(value);
    return *this;
}

Form& Form::set(std::string_view name, const std::vector<std::string>& values)
{
    for (std::size_t i = 0; i < values.size(); ++i) {
        set(fmt::format("{}[{}]", name, i), values[i]);
    }
    return *this;
}

} // namespace fiona::redcap
