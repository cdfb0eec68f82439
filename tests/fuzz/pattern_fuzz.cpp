// SPDX-License-Identifier: MIT
// Patterns of participant ids, as a project's people type them: refused, or every id that is drawn is one
// of the pattern, and none is drawn twice.
#include "libfiona/base/error.h"
#include "libfiona/base/ids.h"
#include "libfiona/routing/pattern_language.h"
#include "tests/fuzz/fuzz.h"

#include <set>

using namespace fiona;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    try {
        const routing::PatternLanguage language{as_text(data, size)};
        routing::IdPool pool{language};
        std::set<std::string> ids;
        constexpr int enough = 20;
        for (int i = 0; i < enough; ++i) {
            const auto id = pool.draw();
            if (!id) {
                promise(routing::WordCount{static_cast<std::uint32_t>(ids.size())}
                        == language.size());
                break;
            }
            promise(language.contains(*id));
            promise(ParticipantId{*id}.str() == *id);
            promise(ids.insert(*id).second);
        }
    } catch (const Error& e) {
        promise(e.fault() == Fault::data);
    }
    return 0;
}
