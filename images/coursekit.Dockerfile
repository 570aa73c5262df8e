# The last layer of every image: coursekit itself, from the checkout that builds it.
ARG PARENT
FROM ${PARENT}

USER 0
COPY wheel/ /tmp/wheel/
RUN pip install --no-cache-dir --no-deps /tmp/wheel/*.whl \
 && rm -rf /tmp/wheel
USER 1000
