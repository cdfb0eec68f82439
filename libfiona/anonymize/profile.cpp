// SPDX-License-Identifier: MIT
#include "libfiona/anonymize/profile.h"

#include "libfiona/anonymize/attributes.h"
#include "libfiona/base/digest.h"
#include "libfiona/base/error.h"
#include "libfiona/base/files.h"
#include "libfiona/base/number.h"
#include "libfiona/base/text.h"

#include <algorithm>
#include <array>
#include <map>

namespace fiona::anonymize {

namespace {

struct Word {
    std::string_view text;
    Action action;
};

constexpr std::array<Word, 24> profile_words{{{"X", Action::remove},
                                              {"Z", Action::empty},
                                              {"K", Action::keep},
                                              {"D", Action::dummy},
                                              {"U", Action::uid},
                                              {"SHIFT", Action::shift},
                                              {"CLEAN", Action::clean},
                                              {"CLEANSQ", Action::clean_sequence},
                                              {"SR", Action::structured},
                                              {"GFX", Action::graphics},
                                              {"RECURSE", Action::recurse},
                                              {"SUBJECT", Action::subject},
                                              {"PROJECT", Action::project},
                                              {"EVENT", Action::event},
                                              {"EVENT if given else CLEAN", Action::event_or_clean},
                                              {"HASH16", Action::hash},
                                              {"STUDYHASH16", Action::study_hash},
                                              {"CODES", Action::codes},
                                              {"METHOD", Action::method},
                                              {"CSA", Action::csa},
                                              {"BIA", Action::burned_in},
                                              {"BODYPART", Action::body_part},
                                              {"CTP", Action::ctp},
                                              {"safe-private rule", Action::by_private_list}}};

/// The original's words: its tag changes keep their meaning.
constexpr std::array<Word, 15> original_words{{{"remove", Action::remove},
                                               {"empty", Action::empty},
                                               {"keep", Action::keep},
                                               {"hashuid", Action::uid},
                                               {"hashuid+PROJECTNAME", Action::uid},
                                               {"hash", Action::hash},
                                               {"incrementdate", Action::shift},
                                               {"incrementdatetime", Action::shift},
                                               {"process", Action::recurse},
                                               {"PatientID", Action::subject},
                                               {"PATIENTID", Action::subject},
                                               {"ProjectName", Action::project},
                                               {"PROJECTNAME", Action::project},
                                               {"EventName", Action::event},
                                               {"EVENTNAME", Action::event}}};

template <typename Number>
std::optional<Number> hex(std::string_view text, std::size_t digits)
{
    return text.size() == digits ? read_number<Number>(text, 16) : std::nullopt;
}

struct Field {
    std::string text;
    std::size_t column = 1; ///< 1-based, of its first character
};

} // namespace

std::string_view name_of(Action action)
{
    const auto* const at = std::ranges::find(profile_words, action, &Word::action);
    return at == profile_words.end() ? "CONST" : at->text;
}

Rule parse_action(std::string_view word)
{
    Rule rule;
    constexpr std::string_view create = " (create)";
    if (word.ends_with(create)) {
        rule.create = true;
        word.remove_suffix(create.size());
    }
    for (const auto& known : profile_words) {
        if (known.text == word) {
            rule.action = known.action;
            return rule;
        }
    }
    for (const auto& known : original_words) {
        if (known.text == word) {
            rule.action = known.action;
            return rule;
        }
    }
    constexpr std::string_view constant = "CONST ";
    rule.action = Action::constant;
    rule.constant = word.starts_with(constant) ? word.substr(constant.size()) : word;
    return rule;
}

/// Reads the files into a Profile. A CSV: comment lines with `#`, a header line, fields that may
/// stand in double quotes (RFC 4180).
class ProfileReader {
public:
    void read_profile(const std::filesystem::path& file)
    {
        for_each_line(file, 6, [&](const std::vector<Field>& fields) { profile_row(fields); });
    }

    void read_private_list(const std::filesystem::path& file)
    {
        for_each_line(file, 3, [&](const std::vector<Field>& fields) { private_row(fields); });
    }

    void read_words(const std::filesystem::path& file)
    {
        const auto text = read_file(file);
        m_hash.add(text);
        m_words = AllowedWords::parse(text);
    }

    void change(const TagChange& change)
    {
        m_hash.add(fmt::format("{}{}{}\n", change.tag, change.is_regex ? "~" : "=", change.value));
        const auto tag = parse_tag(change.tag);
        if (!tag) {
            throw Error{Fault::usage, "tag change: {} is neither gggg,eeee nor a keyword",
                        change.tag};
        }
        const auto name = fmt::format("{:04X}{:04X}", tag->group, tag->element);
        const auto* const known = Attributes::standard().find(*tag);
        auto& row = m_rows[name];
        if (row.tag.empty()) {
            row.tag = name;
            row.keyword = known == nullptr ? "" : known->keyword;
            row.rule = parse_action("CLEAN");
        }
        row.vr = known == nullptr ? Vr{"LO"} : known->vr;
        if (change.is_regex) {
            row.rule.regex = change.value;
        } else {
            row.rule = parse_action(change.value);
        }
        row.rule.create = row.rule.action != Action::remove;
    }

    Profile finish()
    {
        Profile profile;
        for (auto& [name, row] : m_rows) {
            const auto index = profile.m_rows.size();
            if (name == "50XXXXXX") {
                profile.m_curves = index;
            } else if (name == "60XX3000") {
                profile.m_overlay_data = index;
            } else if (name == "60XX4000") {
                profile.m_overlay_comments = index;
            } else if (const auto number = hex<std::uint32_t>(name, 8)) {
                add_tag(profile, *number, index, row);
            }
            profile.m_rows.push_back(std::move(row));
        }
        profile.m_private.assign(m_private.begin(), m_private.end());
        profile.m_words = std::move(m_words);
        profile.m_digest = to_hex(m_hash.finish());
        return profile;
    }

private:
    void add_tag(Profile& profile, std::uint32_t number, std::size_t index, const ProfileRow& row)
    {
        const Tag tag{static_cast<std::uint16_t>(number >> 16U),
                      static_cast<std::uint16_t>(number & 0xffffU)};
        profile.m_by_tag.emplace_back(tag, index);
        if (row.rule.create) {
            profile.m_created.push_back(index);
        }
        // The original named a private element by its tag, with the creator in the place of the
        // keyword. Those that are to be kept somehow join the allow-list; the others go anyway.
        if (is_private(tag) && row.rule.action != Action::remove
            && row.rule.action != Action::ctp) {
            m_private[{row.keyword, tag.group, static_cast<std::uint8_t>(tag.element & 0xffU)}] =
                row.rule;
        }
    }

    [[noreturn]] void fail(std::size_t column, std::string_view what) const
    {
        throw Error{Fault::config, "{}:{}:{}: {}", m_file, m_line, column, what};
    }

    template <typename Use>
    void for_each_line(const std::filesystem::path& file, std::size_t least_fields, Use use)
    {
        const auto text = read_file(file);
        m_hash.add(text);
        m_file = file.native();
        m_line = 0;
        m_said.clear();
        bool header_seen = false;
        for (auto line : split(text, '\n')) {
            ++m_line;
            if (line.ends_with('\r')) {
                line.remove_suffix(1);
            }
            if (line.empty() || line.starts_with('#')) {
                continue;
            }
            const auto fields = split_fields(line);
            if (fields.size() < least_fields) {
                fail(line.size() + 1, fmt::format("{} fields are needed", least_fields));
            }
            if (header_seen) {
                use(fields);
            }
            header_seen = true;
        }
        if (!header_seen) {
            fail(1, "the file holds no table");
        }
    }

    [[nodiscard]] std::vector<Field> split_fields(std::string_view line) const
    {
        std::vector<Field> fields{{"", 1}};
        bool quoted = false;
        for (std::size_t at = 0; at < line.size(); ++at) {
            if (line[at] == '"' && quoted && at + 1 < line.size() && line[at + 1] == '"') {
                fields.back().text += line[++at];
            } else if (line[at] == '"') {
                quoted = !quoted;
            } else if (line[at] == ',' && !quoted) {
                fields.push_back({"", at + 2});
            } else {
                fields.back().text += line[at];
            }
        }
        if (quoted) {
            fail(line.size(), "a quote is not closed");
        }
        return fields;
    }

    /// A file that says two things of one element would be obeyed in one of them, without a word. The
    /// rows of a later file win by design.
    void note(const Field& field, const std::string& element, const Rule& rule)
    {
        const auto [said, is_new] = m_said.try_emplace(element, rule, m_line);
        if (!is_new && said->second.first != rule) {
            fail(field.column,
                 fmt::format("line {} says something else of this element", said->second.second));
        }
    }

    [[nodiscard]] Rule action_of(const Field& field) const
    {
        auto rule = parse_action(field.text);
        if (rule.action == Action::constant && !field.text.starts_with("CONST ")) {
            fail(field.column, fmt::format("{} is no action", field.text));
        }
        return rule;
    }

    void profile_row(const std::vector<Field>& fields)
    {
        ProfileRow row{fields[0].text, fields[1].text, Vr{},
                       fields[3].text, fields[4].text, action_of(fields[5])};
        const std::string_view vr = fields[2].text;
        if (vr.size() >= 2) { // "OB or OW": the first
            row.vr = Vr{vr[0], vr[1]};
        } else if (!vr.empty()) {
            fail(fields[2].column, "a value representation has two letters");
        }
        if (row.tag.starts_with("private:")) {
            private_pattern(fields[0], row.rule);
            note(fields[0], row.tag, row.rule);
            m_rows[row.tag] = std::move(row);
            return;
        }
        std::ranges::transform(row.tag, row.tag.begin(), [](char c) {
            return c >= 'a' && c <= 'z' ? static_cast<char>(c - 0x20) : c;
        });
        constexpr std::array<std::string_view, 4> patterns{"50XXXXXX", "60XX3000", "60XX4000",
                                                           "PRIVATE"};
        if (std::ranges::find(patterns, row.tag) == patterns.end()
            && !hex<std::uint32_t>(row.tag, 8)) {
            fail(fields[0].column, "a tag has 8 hexadecimal digits, or is one of the patterns");
        }
        note(fields[0], row.tag, row.rule);
        m_rows[row.tag] = std::move(row);
    }

    /// private:CREATOR:gggg:ee
    void private_pattern(const Field& field, const Rule& rule)
    {
        const auto parts = split(field.text, ':');
        const auto group =
            parts.size() < 4 ? std::nullopt : hex<std::uint16_t>(parts[parts.size() - 2], 4);
        const auto element = hex<std::uint8_t>(parts.back(), 2);
        if (!group || !element || (*group & 1U) == 0) {
            fail(field.column, "a private pattern is private:CREATOR:gggg:ee");
        }
        const auto creator_bytes = field.text.size() - std::string_view{"private::gggg:ee"}.size();
        m_private[{field.text.substr(8, creator_bytes), *group, *element}] = rule;
    }

    void private_row(const std::vector<Field>& fields)
    {
        const auto group = hex<std::uint16_t>(fields[1].text, 4);
        const auto element = hex<std::uint8_t>(fields[2].text, 2);
        if (!group || (*group & 1U) == 0) {
            fail(fields[1].column, "a private group is four hexadecimal digits, odd");
        }
        if (!element) {
            fail(fields[2].column, "an element of a private block is two hexadecimal digits");
        }
        const auto rule = fields.size() > 3 ? action_of(fields[3]) : parse_action("K");
        note(fields[0], fmt::format("{}\\{:04x}\\{:02x}", fields[0].text, *group, *element), rule);
        if (rule.action != Action::remove) {
            m_private[{fields[0].text, *group, *element}] = rule;
        } else {
            m_private.erase({fields[0].text, *group, *element});
        }
    }

    std::map<std::string, ProfileRow> m_rows;
    std::map<PrivateKey, Rule> m_private;
    AllowedWords m_words;
    Sha256 m_hash;
    std::string m_file;
    std::size_t m_line = 0;
    std::map<std::string, std::pair<Rule, std::size_t>>
        m_said; ///< in this file: of what, what, where
};

Profile Profile::load(const std::vector<std::filesystem::path>& files,
                      const std::filesystem::path& safe_private,
                      const std::vector<TagChange>& changes,
                      const std::vector<std::string>& more_private)
{
    ProfileReader reader;
    if (files.empty()) {
        reader.read_profile(shipped_file("profiles/profile.csv"));
    }
    for (const auto& file : files) {
        reader.read_profile(file);
    }
    reader.read_private_list(safe_private.empty() ? shipped_file("profiles/safe-private.csv")
                                                  : safe_private);
    for (const auto& list : more_private) {
        const bool is_shipped = list.find_first_of("/.") == std::string::npos;
        reader.read_private_list(is_shipped ? shipped_file("profiles/private-" + list + ".csv")
                                            : std::filesystem::path{list});
    }
    reader.read_words(shipped_file("profiles/vocabulary.txt"));
    for (const auto& change : changes) {
        reader.change(change);
    }
    return reader.finish();
}

const ProfileRow* Profile::find(Tag tag) const
{
    const auto at =
        std::ranges::lower_bound(m_by_tag, tag, {}, &std::pair<Tag, std::size_t>::first);
    if (at != m_by_tag.end() && at->first == tag) {
        return &m_rows[at->second];
    }
    const auto family = tag.group & 0xff00U;
    std::optional<std::size_t> pattern;
    if (!is_private(tag) && family == 0x5000) {
        pattern = m_curves;
    } else if (!is_private(tag) && family == 0x6000) {
        pattern = tag.element == 0x4000 ? m_overlay_comments : m_overlay_data;
    }
    return pattern ? &m_rows[*pattern] : nullptr;
}

const Rule* Profile::find_private(const PrivateKey& key) const
{
    const auto at =
        std::ranges::lower_bound(m_private, key, {}, &std::pair<PrivateKey, Rule>::first);
    return at != m_private.end() && at->first == key ? &at->second : nullptr;
}

} // namespace fiona::anonymize
