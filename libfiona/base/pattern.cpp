// SPDX-License-Identifier: MIT
#include "libfiona/base/pattern.h"

#include "libfiona/base/error.h"

#include <re2/re2.h>

#define PCRE2_CODE_UNIT_WIDTH 8 // NOLINT(cppcoreguidelines-macro-usage) asked for by pcre2.h
#include <pcre2.h>

#include <array>

namespace fiona {

namespace {

constexpr std::size_t longest_pattern = 10'000;
// An ordinary search takes some hundred steps; these limits are reached in a few milliseconds.
constexpr std::uint32_t most_steps = 200'000;
constexpr std::uint32_t deepest = 2'000;
constexpr std::uint32_t most_kibibytes = 2'048;

struct FreeCode {
    void operator()(pcre2_code* code) const { pcre2_code_free(code); }
};
struct FreeCompileContext {
    void operator()(pcre2_compile_context* context) const { pcre2_compile_context_free(context); }
};
struct FreeMatchContext {
    void operator()(pcre2_match_context* context) const { pcre2_match_context_free(context); }
};
struct FreeMatchData {
    void operator()(pcre2_match_data* data) const { pcre2_match_data_free(data); }
};
using Code = std::unique_ptr<pcre2_code, FreeCode>;
using CompileContext = std::unique_ptr<pcre2_compile_context, FreeCompileContext>;
using MatchContext = std::unique_ptr<pcre2_match_context, FreeMatchContext>;
using MatchData = std::unique_ptr<pcre2_match_data, FreeMatchData>;

PCRE2_SPTR as_code_units(std::string_view text)
{
    // NOLINTNEXTLINE(cppcoreguidelines-pro-type-reinterpret-cast) PCRE2's code units are bytes
    return reinterpret_cast<PCRE2_SPTR>(text.data());
}

/// Null if PCRE2 refuses it, too.
Code compiled(std::string_view text)
{
    const CompileContext context{pcre2_compile_context_create(nullptr)};
    pcre2_set_max_pattern_length(context.get(), longest_pattern);
    int problem = 0;
    PCRE2_SIZE where = 0;
    return Code{pcre2_compile(as_code_units(text), text.size(),
                              PCRE2_UTF | PCRE2_MATCH_INVALID_UTF | PCRE2_NEVER_BACKSLASH_C,
                              &problem, &where, context.get())};
}

} // namespace

struct Pattern::Data {
    explicit Data(const std::string& text) : linear{text, quiet()} {}

    static re2::RE2::Options quiet()
    {
        re2::RE2::Options options;
        options.set_log_errors(false);
        return options;
    }

    re2::RE2 linear;
    Code backtracking;
};

Pattern::Pattern(const std::string& text)
{
    auto data = std::make_shared<Data>(text);
    if (!data->linear.ok()) {
        data->backtracking = compiled(text);
        if (data->backtracking == nullptr) {
            throw Error{Fault::config, "{}", data->linear.error()};
        }
    }
    m_data = std::move(data);
}

bool Pattern::is_backtracking() const
{
    return m_data->backtracking != nullptr;
}

bool Pattern::is_in(std::string_view text) const
{
    if (!is_backtracking()) {
        return re2::RE2::PartialMatch(re2::StringPiece{text.data(), text.size()}, m_data->linear);
    }
    const auto* const code = m_data->backtracking.get();
    const MatchContext context{pcre2_match_context_create(nullptr)};
    pcre2_set_match_limit(context.get(), most_steps);
    pcre2_set_depth_limit(context.get(), deepest);
    pcre2_set_heap_limit(context.get(), most_kibibytes);
    const MatchData match{pcre2_match_data_create_from_pattern(code, nullptr)};
    const auto result =
        pcre2_match(code, as_code_units(text), text.size(), 0, 0, match.get(), context.get());
    if (result < 0 && result != PCRE2_ERROR_NOMATCH) {
        throw Error{Fault::config, "the pattern is too costly"};
    }
    return result >= 0;
}

} // namespace fiona
