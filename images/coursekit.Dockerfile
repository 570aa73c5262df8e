# The last layer of every image: coursekit itself, from the checkout that builds it.
ARG PARENT
# hadolint ignore=DL3006
FROM ${PARENT}

USER root
COPY wheel/ /tmp/wheel/
RUN pip install --no-deps /tmp/wheel/*.whl \
 && rm -rf /tmp/wheel
USER student
