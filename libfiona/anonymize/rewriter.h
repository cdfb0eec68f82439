// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/anonymize/cleaner.h"
#include "libfiona/anonymize/plan.h"
#include "libfiona/anonymize/rules.h"

#include <array>
#include <cstdint>
#include <functional>
#include <set>
#include <string>
#include <string_view>

namespace fiona::anonymize {

/// One element as the dry run tells it: no values.
struct Change {
    std::string path;      ///< "0040,0275>0008,0050"
    std::string vr;        ///< as in the file
    std::size_t count = 0; ///< values
    std::size_t bytes = 0;
    Action action = Action::keep;
    std::string_view reason;
};

struct Rewritten {
    std::string modality;
    std::string new_study, new_series, new_sop, sop_class;
    std::array<std::uint64_t, action_count> actions{}; ///< how often each action was taken
};

/// What is known of the text in the pixels of a file, beyond what it says itself.
enum class Pixels { unknown, clean };

/// Applies the profile to one data set in place. Throws Error{Fault::data} if the result lacks
/// what every object needs (SOP class, SOP instance, study, series).
class Rewriter {
public:
    using Watch = std::function<void(const Change&)>;

    explicit Rewriter(const Plan& plan, Watch watch = {}) : m_plan{plan}, m_watch{std::move(watch)}
    {
    }

    /// Elements of these paths are emptied whatever their rule says (--on-leak scrub).
    void blank(const std::set<std::string>& paths) { m_blanked = paths; }
    /// clean: the method codes name the Clean Pixel Data Option.
    void declare(Pixels pixels) { m_pixels = pixels; }
    /// sound: those of the top level may stay.
    void declare(OffsetTables tables) { m_tables = tables; }
    [[nodiscard]] Rewritten rewrite(Item& root);

private:
    struct Context;

    void rewrite_item(Item& item, const Context& context);
    void adopt_known_vr(Element& element) const;
    bool rewrite_element(Element& element, const Decision& decision, const Context& context);
    bool rewrite_sequence(Element& element, const Rule& rule, const Context& context);
    bool rewrite_value(Element& element, const Decision& decision, const Context& context);
    void keep_text(Element& element, const Context& context, CleaningDepth depth);
    bool keep_value(Element& element, const Context& context, CleaningDepth depth);
    bool scrub_csa(Element& element);
    bool keep_unknown(Element& element, const Context& context);
    static bool keep_colours(Element& element);
    void dummy(Element& element, const Context& context);
    void write_codes(Element& element);
    static void apply_regex(Element& element, const std::string& regex, const Context& context);
    static void keep_required(Item& item, const Context& context);
    void create_missing(Item& root, const Context& context);
    void note(const Element& element, const Decision& decision, const Context& context);

    const Plan& m_plan;
    Watch m_watch;
    std::set<std::string> m_blanked;
    Pixels m_pixels = Pixels::unknown;
    OffsetTables m_tables = OffsetTables::none_or_bad;
    Rewritten m_result;
    std::string m_study; ///< the original StudyInstanceUID of the top level, without padding
    bool m_lies = false; ///< some text was not in the declared character set
    bool m_has_graphics = false, m_has_content = false, m_has_private = false;
};

} // namespace fiona::anonymize
